// Keyboard of the work list: j and k or the arrows move, Enter opens (a link does that by itself), s skips.
// Nothing here is needed.
(function () {
  "use strict";
  // After a refusal: to the field that it is about, else to the sentence.
  var wrong = document.querySelector("[aria-invalid=true]") || document.querySelector(".act[open] .error");
  if (wrong) {
    if (wrong.matches(".error")) wrong.tabIndex = -1;
    wrong.focus();
  }

  var lines = Array.from(document.querySelectorAll(".queue .line"));
  if (!lines.length) return;
  var help = document.querySelector("[data-keys]");
  if (help) help.hidden = false;
  var skip = document.querySelector(".pane a[rel=next]");

  function at() {
    var focused = lines.indexOf(document.activeElement);
    return focused >= 0 ? focused : lines.findIndex(function (a) { return a.hasAttribute("aria-current"); });
  }
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (event.key === "s" && skip) return skip.click();
    var step = { j: 1, k: -1 }[event.key];
    // The arrows scroll what is being read, and move only among the lines.
    if (!step && (lines.includes(document.activeElement) || !document.querySelector(".has-case"))) step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    var next = Math.min(Math.max(at() + step, 0), lines.length - 1);
    lines[next].focus();
    lines[next].scrollIntoView({ block: "nearest" });
    event.preventDefault();
  });
  var current = document.querySelector(".queue .line[aria-current]");
  if (current) current.scrollIntoView({ block: "nearest" });
})();
