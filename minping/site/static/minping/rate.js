// Shortens the way, never makes it: every page works without this file.
(function () {
  "use strict";

  // The counter counts characters as the server does (code points, a line break is one).
  document.querySelectorAll("textarea[data-max]").forEach(function (area) {
    var out = document.getElementById(area.dataset.count);
    var max = Number(area.dataset.max);
    if (!out || !max) return;
    function show() {
      var n = Array.from(area.value).length;
      var said = n > max ? area.dataset.over : area.dataset.written; // in the page's own language
      out.textContent = said.replace("{n}", n > max ? n - max : n).replace("{max}", max);
      out.classList.toggle("over", n > max);
    }
    area.addEventListener("input", show);
    show();
  });

  // A change of mind keeps the words already typed.
  document.querySelectorAll("form[data-carry]").forEach(function (form) {
    form.addEventListener("submit", function () {
      var area = document.getElementById(form.dataset.carry);
      var hidden = form.querySelector("input[name=text]");
      if (area && hidden) hidden.value = area.value;
    });
  });

  // One press is one post. Buttons are disabled after the post is built, so that the pressed one still travels.
  function able(form, yes) {
    form.querySelectorAll("button").forEach(function (b) { b.disabled = !yes; });
    if (yes) delete form.dataset.sent;
  }
  var FILE = 2000, NO_ANSWER = 20000; // the page stays after a file, and where nobody answers: then it may be pressed again
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    var file = event.submitter && event.submitter.hasAttribute("data-file");
    setTimeout(able, 0, form, false);
    // Files on a slow line may be under way for minutes: pressed again, they would begin anew.
    if (form.enctype !== "multipart/form-data") setTimeout(able, file ? FILE : NO_ANSWER, form, true);
  });
  // Back from the browser's own store: the form may be used again.
  window.addEventListener("pageshow", function (event) {
    if (event.persisted) document.querySelectorAll("form[data-sent]").forEach(function (form) { able(form, true); });
  });
})();
