// 读给我听: the browser's own voice reads the page. Where it has none, the button stays hidden and nothing is missed.
(function () {
  "use strict";
  var button = document.getElementById("aloud");
  var voice = window.speechSynthesis;
  if (!button || !voice || !window.SpeechSynthesisUtterance) return;
  var start = button.textContent;

  function rest() { button.textContent = start; delete button.dataset.reading; }

  function words() {
    return document.getElementById("main").innerText.replace(button.innerText, "").replace(/\s*\n\s*/g, "\n").trim();
  }

  button.addEventListener("click", function () {
    voice.cancel();
    if (button.dataset.reading) { rest(); return; }
    var said = new SpeechSynthesisUtterance(words());
    said.lang = button.dataset.voice || document.documentElement.lang;
    said.rate = 0.85;
    said.onend = rest;
    said.onerror = rest;
    button.dataset.reading = "1";
    button.textContent = button.dataset.stop;
    voice.speak(said);
  });
  window.addEventListener("pagehide", function () { voice.cancel(); });
  button.hidden = false;
})();
