// Leaves nothing on the screen for the next person. Without this file the page goes back by itself all the same.
(function () {
  "use strict";
  var body = document.body;
  var idle = Number(body.dataset.idle), countdown = Number(body.dataset.countdown);
  var box = document.getElementById("idle-box"), left = document.getElementById("idle-left");
  var touched = performance.now();

  function fields() { return document.querySelectorAll("input:not([type=hidden]):not([type=checkbox]), textarea"); }
  function written() { return Array.prototype.some.call(fields(), function (field) { return field.value !== ""; }); }
  function wipe() {
    fields().forEach(function (field) { field.value = ""; });
    location.replace(body.dataset.home);
  }
  function here() { touched = performance.now(); box.hidden = true; }

  ["pointerdown", "keydown", "input", "scroll"].forEach(function (name) {
    document.addEventListener(name, here, { passive: true, capture: true });
  });
  document.getElementById("idle-stay").addEventListener("click", here);
  setInterval(function () {
    if (body.dataset.quiet && !written()) { touched = performance.now(); return; }
    var passed = (performance.now() - touched) / 1000;
    if (passed >= idle + countdown) wipe();
    else if (passed >= idle) { left.textContent = String(Math.ceil(idle + countdown - passed)); box.hidden = false; }
  }, 200);
  // A page out of the browser's own store is someone else's.
  window.addEventListener("pageshow", function (event) { if (event.persisted) wipe(); });

  // A paired terminal says now and then that it is there, and learns when it has been put out of use.
  function report() {
    fetch(body.dataset.here, { method: "POST" }).then(function (answer) {
      if (answer.status === 401 && body.dataset.quiet && !written()) location.replace(body.dataset.home);
    }, function () {});
  }
  if (body.dataset.here) { report(); setInterval(report, 120000); }

  document.querySelectorAll(".pad").forEach(function (pad) {
    var field = document.getElementById(pad.dataset.into);
    pad.hidden = false;
    pad.addEventListener("click", function (event) {
      var key = event.target.dataset.key;
      if (!key) return;
      field.value = key === "clear" ? "" : key === "back" ? field.value.slice(0, -1) : field.value + key;
    });
  });

  // The terminal's own software, at the end of a service: /terminal/#r=<the invitation's address or token>.
  // What follows # is sent to no server and kept in no log.
  var given = /^#r=(.+)$/.exec(location.hash), code = document.getElementById("id_code");
  if (given && code && body.dataset.quiet) {
    history.replaceState(null, "", location.pathname);
    code.value = decodeURIComponent(given[1]);
    code.form.requestSubmit();
  }
})();
