// The code of the picture stands in the address's fragment, which the browser sends to nobody.
(function () {
  "use strict";
  var code = location.hash.slice(1);
  var field = document.getElementById("code");
  if (code && field) {
    field.value = code;
    history.replaceState(null, "", location.pathname);
  }
})();
