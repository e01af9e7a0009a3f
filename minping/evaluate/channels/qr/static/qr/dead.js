// A person, not a link preview, has met a dead code: say so once, so that the office can take the poster down.
"use strict";
const form = document.querySelector("form[data-dead]");
if (form) fetch(form.action, { method: "POST", keepalive: true }).then(() => { form.hidden = true; });
