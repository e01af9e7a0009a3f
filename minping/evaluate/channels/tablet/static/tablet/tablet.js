// The window's tablet. What a person presses is first kept on the device under an id of its own, then sent until it
// is answered; the server takes each id once. What to show comes by an open line, or by asking where none holds.
(function () {
  "use strict";
  const set = document.body.dataset;
  const $ = (id) => document.getElementById(id);
  const BEAT = 30000; // between two reports of a quiet device
  const TOUCHED = 15000; // a page touched this lately belongs to the one who touched it
  const THANKS = 20000; // time to write sixteen digits down; each touch gives it anew
  const [UNKNOWN, UNREADABLE] = ["device_unknown", "invalid"]; // the server's codes (docs/api.md)
  const VIEWS = ["idle", "rate", "reasons", "thanks", "about", "stopped"];

  if (localStorage.getItem("mp_device") !== set.device) {
    // Paired as another device: what that one has been told is not what this one has.
    for (const name of ["mp_last", "mp_ended"]) localStorage.removeItem(name);
    localStorage.setItem("mp_device", set.device);
  }
  let view = "idle";
  let current = null; // {event, press, level}
  let closing = []; // ids of what the thanks now on the screen are for: its answers may still be on their way
  let queue = [];
  let last = Number(localStorage.getItem("mp_last") || 0);
  let ended = JSON.parse(localStorage.getItem("mp_ended") || "[]");
  let touched = 0;
  let shownAt = 0;
  let line = null;
  let open = false;
  let online = false;
  let stopped = false;
  let waiting = 0;
  let ahead = 0; // by how much this device's clock runs ahead of the server's, for the clock on the wall only
  let checking = null;
  const speech = JSON.parse($("words").content.textContent);
  const FIRST = document.querySelector("[data-lang]").dataset.lang;
  let lang = FIRST; // of the one who stands here; the next one finds the house's own again
  let saved = null;
  let given = ""; // the receipt code now on the screen

  // --- kept on the device -----------------------------------------------------------------------

  const base = new Promise((resolve, reject) => {
    const asked = indexedDB.open("minping-tablet", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("kept", { keyPath: "n", autoIncrement: true });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });

  async function within(mode, work) {
    const found = await base;
    return new Promise((resolve, reject) => {
      const all = found.transaction("kept", mode, { durability: "strict" });
      const asked = work(all.objectStore("kept"));
      all.oncomplete = () => resolve(asked && asked.result);
      all.onabort = all.onerror = () => reject(all.error);
    });
  }

  const kept = () => within("readonly", (store) => store.getAll(null, 20));
  const forget = (n) => within("readwrite", (store) => store.delete(n));
  const count = () => within("readonly", (store) => store.count());

  function uuid() {
    if (crypto.randomUUID) return crypto.randomUUID();
    const b = crypto.getRandomValues(new Uint8Array(16));
    b[6] = (b[6] & 15) | 64;
    b[8] = (b[8] & 63) | 128;
    const hex = Array.from(b, (x) => x.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }

  async function keep(entry) {
    const whole = { id: uuid(), at: new Date().toISOString(), ...entry };
    await within("readwrite", (store) => store.add({ entry: whole }));
    waiting = await count();
    sign();
    flush();
    return whole.id;
  }

  // --- sending ----------------------------------------------------------------------------------

  let flying = false;
  let again = false; // something was kept while a report was under way: it goes with the next, at once
  let pause = 0;
  let most = 20;
  let reported = 0;
  let retry = 0;

  async function flush() {
    if (stopped) return;
    if (flying) {
      again = true;
      return;
    }
    flying = true;
    clearTimeout(retry);
    let rows = [];
    try {
      for (;;) {
        again = false;
        rows = (await kept()).slice(0, most);
        waiting = await count();
        if (!rows.length && Date.now() - reported < BEAT) {
          if (again) continue;
          break;
        }
        const answer = await fetch(set.report, {
          method: "POST",
          headers: { "Content-Type": "application/json", Accept: "application/json" },
          body: JSON.stringify({ now: new Date().toISOString(), waiting: Math.max(0, waiting - rows.length), entries: rows.map((r) => r.entry) }),
          signal: AbortSignal.timeout(10000),
        });
        const refused = await code(answer);
        if (refused === UNKNOWN) {
          stop();
          return;
        }
        if (refused === UNREADABLE) {
          // Not understood as a whole: one by one, so that a single bad entry holds nothing back.
          if (rows.length > 1) most = 1;
          else if (rows.length) await forget(rows[0].n);
          else throw new Error(answer.status);
          continue;
        }
        if (!answer.ok) throw new Error(answer.status);
        const told = await answer.json();
        renew(told.version);
        ahead = Date.now() - Date.parse(told.now);
        reported = Date.now();
        most = 20;
        pause = 0;
        online = true;
        const byId = new Map(rows.map((row) => [row.entry.id, row]));
        for (const one of told.entries) {
          if (one.done) await forget(byId.get(one.id).n);
          answered(one);
        }
        waiting = await count();
      }
    } catch (failure) {
      online = false;
      for (const row of rows) {
        if (row.entry.offline) continue;
        row.entry.offline = true;
        await within("readwrite", (store) => store.put(row));
      }
      pause = Math.min(5000, pause ? pause * 2 : 500);
      retry = setTimeout(flush, pause);
    } finally {
      flying = false;
      sign();
    }
  }

  // A refusal is final only in the server's own words: what stands between (a proxy, a portal) may say 401 or 404
  // too, and that is a line that is down, not a press that is refused.
  async function code(answer) {
    if (answer.ok) return "";
    try {
      return (await answer.clone().json()).error.code;
    } catch (failure) {
      return "";
    }
  }

  // A page in full screen is opened once and runs for months. After an upgrade, and with each day's rules, it is
  // opened anew: when nobody stands before it and nothing waits, and once for each version.
  function renew(version) {
    if (!version || version === set.version || sessionStorage.getItem("mp_renewed") === version) return;
    if (view !== "idle" || current || queue.length || checking || performance.now() - touched < TOUCHED) return;
    sessionStorage.setItem("mp_renewed", version);
    setTimeout(() => count().then((left) => (left ? sessionStorage.removeItem("mp_renewed") : location.reload())), 1000);
  }

  function answered(one) {
    const pressed = current && current.press === one.id;
    if (!pressed && !closing.includes(one.id)) return;
    if (one.receipt) receipt(one.receipt);
    if (!one.error) return;
    if (pressed) {
      const mine = current;
      current = null;
      over(mine.event, null);
      wipe();
      go("thanks");
    }
    thanks("这次没有收下");
    $("thanks-note").textContent = say(one.error.message);
  }

  function receipt(code) {
    given = code;
    const number = document.createElement("b");
    number.textContent = code;
    $("thanks-note").replaceChildren(say("回执号"), number, say("请抄下或拍照。凭它可以在手机上查询办到哪一步。"));
  }

  // --- being told -------------------------------------------------------------------------------

  function listen() {
    if (stopped) return;
    line = new EventSource(set.stream + "?after=" + last, { withCredentials: true });
    line.onopen = () => {
      open = online = true;
      pause = 0;
      sign();
      flush();
    };
    line.onmessage = (message) => take(JSON.parse(message.data));
    line.onerror = () => {
      open = false;
      sign();
      if (line.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
    };
  }

  async function ask() {
    if (open || stopped) return;
    try {
      const answer = await fetch(set.events + "?after=" + last, { signal: AbortSignal.timeout(5000) });
      if ((await code(answer)) === UNKNOWN) return stop();
      if (!answer.ok) throw new Error(answer.status);
      for (const event of (await answer.json()).events) take(event);
      if (!online) {
        online = true;
        flush();
      }
    } catch (failure) {
      online = false;
    }
    sign();
  }

  function take(event) {
    if (event.id > last) localStorage.setItem("mp_last", String((last = event.id)));
    if (event.kind === "stop") return stop();
    if (event.kind === "checked") return checked(event);
    if (event.kind === "rated") return rated(event);
    if (ended.includes(event.id) || queue.some((e) => e.id === event.id)) return;
    if (current && current.event.id === event.id) return;
    event.until = performance.now() + event.left * 1000;
    queue.push(event);
    next();
  }

  // Rated by phone or anywhere else: there is nothing left to press here.
  function rated(event) {
    for (const one of queue.filter((e) => e.of === event.of && e.kind === "offer")) over(one, "elsewhere");
    queue = queue.filter((e) => e.of !== event.of || e.kind !== "offer");
    if (!current || current.press || current.event.of !== event.of || current.event.kind !== "offer") return;
    end("elsewhere", false);
    wipe();
    thanks("这次服务已经评价过了");
    go("thanks");
  }

  function next() {
    queue = queue.filter((event) => performance.now() < event.until);
    if (stopped || !queue.length) return;
    const newest = queue[queue.length - 1];
    if (current) {
      const same = current.event.group === newest.group;
      if (newest.kind === "reason" && view === "rate" && current.event.of === newest.of) {
        end("pressed", false); // answered on the key-pad beside it: now its reason is asked for
        queue.pop();
        return show(newest);
      }
      const busy = !["rate", "about"].includes(view) || performance.now() - touched < TOUCHED;
      if (same || busy) return; // shown when this one is done
      end("replaced", false);
    }
    // What is left of another person is not shown to this one: the phone keeps it.
    for (const event of queue) {
      if (event.group !== newest.group) over(event, "replaced");
    }
    queue = queue.filter((event) => event.group === newest.group);
    show(queue.shift());
  }

  function over(event, what) {
    ended = ended.concat(event.id).slice(-200);
    localStorage.setItem("mp_ended", JSON.stringify(ended));
    if (what) keep({ type: "note", event: event.id, what: what });
  }

  // --- showing ----------------------------------------------------------------------------------

  function go(name) {
    view = name;
    for (const one of VIEWS) $(one).hidden = one !== name;
    shownAt = touched = performance.now();
    $("ending").hidden = true;
    window.scrollTo(0, 0);
  }

  // The explanation, in the frame of the device: read here, left by a press or by going away.
  function about() {
    go("about");
    explain();
    $("main").focus();
  }

  // Asked for when it is wanted; the worker keeps it in each language for when the server is away.
  async function explain() {
    const place = $("told");
    if (view !== "about") return place.replaceChildren();
    const wanted = lang;
    try {
      const answer = await fetch(set.told + wanted, { signal: AbortSignal.timeout(5000) });
      if (!answer.ok) throw new Error(answer.status);
      const text = await answer.text();
      if (view === "about" && lang === wanted) place.innerHTML = text;
    } catch (failure) {
      place.textContent = say("连接中断");
    }
  }

  function wipe() {
    $("told").replaceChildren();
    for (const id of ["what", "whom", "tail", "when", "saved", "saved-note", "thanks-note"]) $(id).textContent = "";
    thanks("谢谢，您的评价已收下");
    $("text").value = "";
    closing = [];
    given = "";
    document.querySelectorAll("#reasons input").forEach((box) => (box.checked = false));
    document.querySelectorAll("#reasons details").forEach((more) => (more.open = false));
    document.querySelectorAll(".tile").forEach((tile) => (tile.disabled = false));
  }

  function show(event) {
    wipe();
    current = { event: event, press: null, level: event.level || 0 };
    told();
    keep({ type: "note", event: event.id, what: "shown" });
    if (event.kind === "reason") {
      reasons("按键器已收到您的评价", "“{level}”。愿意的话，请说说原因。");
    } else {
      go("rate");
      touched = -TOUCHED; // nobody has touched it yet
    }
  }

  const label = (level) => document.querySelector('#rate [data-level="' + level + '"]').textContent.trim();

  function reasons(head, ...notes) {
    saved = [head, notes];
    savedNow();
    document.querySelectorAll("[data-tags]").forEach((box) => (box.hidden = Number(box.dataset.tags) !== current.level));
    go("reasons");
  }

  function savedNow() {
    if (!saved || !current) return;
    $("saved").textContent = say(saved[0]);
    $("saved-note").textContent = saved[1].map((note) => say(note).replace("{level}", label(current.level))).join(" ");
  }

  // The service under the eyes, in the language chosen; its name has no English and says that it is Chinese.
  function told() {
    if (!current) return;
    const event = current.event;
    const names = (event.in && event.in[lang]) || event;
    $("what").textContent = names.item_name;
    $("what").lang = lang === "zh-hant" ? "zh-Hant" : "zh-CN";
    $("whom").textContent = event.whom;
    $("tail").textContent = say("办件尾号 {tail}").replace("{tail}", event.case_tail);
    $("when").textContent = names.served_text;
  }

  // --- in which language ------------------------------------------------------------------------

  const OTHERS = Array.from(document.querySelectorAll("[data-lang]"), (button) => button.dataset.lang).slice(1);
  const say = (text) => (speech[text] && speech[text][OTHERS.indexOf(lang)]) || text;

  function speak(chosen) {
    lang = chosen;
    document.querySelectorAll("[data-lang]").forEach((button) => {
      const here = button.dataset.lang === lang;
      button.toggleAttribute("aria-current", here);
      if (here) {
        button.setAttribute("aria-current", "true");
        document.documentElement.lang = button.dataset.tag;
      }
    });
    document.querySelectorAll("[data-say]").forEach((place) => {
      place.dataset.say = place.dataset.say || place.textContent.trim();
      place.textContent = say(place.dataset.say);
    });
    thanks($("thanks-h").dataset.key || "谢谢，您的评价已收下");
    told();
    explain();
    savedNow();
    if (given) receipt(given);
    sign();
  }

  function thanks(key) {
    $("thanks-h").dataset.key = key;
    $("thanks-h").textContent = say(key);
  }

  function end(what, onward) {
    const done = current;
    current = null;
    if (done) over(done.event, what);
    if (onward === false) return;
    wipe();
    speak(FIRST);
    go("idle");
    next();
  }

  async function press(level) {
    const mine = current;
    if (!mine || mine.press) return;
    document.querySelectorAll("#rate .tile").forEach((tile) => (tile.disabled = true));
    mine.press = uuid();
    mine.level = level;
    try {
      await keep({ id: mine.press, type: "press", event: mine.event.id, level: level, offline: !online });
    } catch (failure) {
      mine.press = null;
      document.querySelectorAll("#rate .tile").forEach((tile) => (tile.disabled = false));
      $("whom").textContent = say("没有存下，请再按一次，或稍后用手机评价。");
      return;
    }
    over(mine.event, null);
    if (current === mine) {
      reasons("已收下", "您选了“{level}”。", ...(online ? [] : ["已存在本机，联网后自动送出。"]));
    }
  }

  async function words(skip) {
    const mine = current;
    if (!mine) return;
    const boxes = document.querySelectorAll('[data-tags="' + mine.level + '"] input:checked');
    const tags = skip ? [] : Array.from(boxes, (box) => box.value);
    const text = skip ? "" : $("text").value;
    current = null;
    queue = queue.filter((event) => event.id !== mine.event.id);
    over(mine.event, null);
    const entry = { id: uuid(), type: "words", level: mine.level, tags: tags, text: text };
    if (mine.press) entry.press = mine.press;
    else entry.event = mine.event.id;
    closing = [mine.press, entry.id];
    try {
      if (mine.press || !skip) await keep(entry);
    } catch (failure) {
      current = mine; // what was typed is still on the page
      $("saved-note").textContent = say("没有存下，请再点一次。");
      return;
    }
    const said = [$("thanks-h").dataset.key, $("thanks-note").textContent, given];
    wipe();
    thanks(said[0]);
    if (said[2]) receipt(said[2]);
    else $("thanks-note").textContent = said[1];
    closing = [mine.press, entry.id];
    go("thanks");
    if (mine.event.kind === "reason") keep({ type: "note", event: mine.event.id, what: skip ? "left" : "pressed" });
  }

  async function change(level) {
    const mine = current;
    if (!mine || level === mine.level) return;
    mine.level = level;
    const entry = { type: "words", level: level };
    if (mine.press) entry.press = mine.press;
    else entry.event = mine.event.id;
    await keep(entry);
    if (current === mine) reasons("已收下", "改为“{level}”。");
    document.querySelectorAll("#reasons details").forEach((more) => (more.open = false));
  }

  function stop() {
    stopped = true;
    if (line) line.close();
    current = null;
    queue = [];
    wipe();
    go("stopped");
    sign();
  }

  function sign() {
    const place = $("sign");
    const state = stopped ? "stopped" : waiting && !online ? "waiting" : online ? "online" : "waiting";
    const said = { stopped: say("停用"), online: say("在线"), waiting: waiting ? say("等待 {n}").replace("{n}", waiting) : say("连接中断") }[state];
    if (place.textContent !== said) place.textContent = said;
    place.dataset.state = state;
  }

  // --- the morning check ------------------------------------------------------------------------

  async function check() {
    $("checked").textContent = "已送出，正在等它回来……";
    checking = uuid();
    const mine = checking;
    setTimeout(() => {
      if (checking === mine) $("checked").textContent = "还没有回来，请告诉管理员。";
    }, 20000);
    await keep({ id: mine, type: "check" });
  }

  function checked(event) {
    if (event.check !== checking) return;
    checking = null;
    $("checked").textContent = "晨检正常 " + hour();
  }

  // --- time -------------------------------------------------------------------------------------

  const hour = () =>
    new Date(Date.now() - ahead).toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: "Asia/Shanghai" });

  function tick() {
    const now = hour();
    if ($("clock").textContent !== now) $("clock").textContent = now;
    if (view === "thanks" && performance.now() - Math.max(touched, shownAt) > THANKS) return end(null);
    if (!["rate", "reasons", "about"].includes(view)) return;
    const still = (performance.now() - Math.max(touched, shownAt)) / 1000;
    const left = Math.ceil(Number(set.idle) + Number(set.countdown) - still);
    if (left <= 0) return end(view !== "reasons" || current.event.kind === "reason" ? "left" : null);
    $("ending").hidden = left > Number(set.countdown);
    if (!$("ending").hidden) {
      $("seconds").textContent = left;
      $("ring").setAttribute("stroke-dashoffset", String(214 * (1 - left / Number(set.countdown))));
    }
  }

  // --- begin ------------------------------------------------------------------------------------

  for (const kind of ["pointerdown", "keydown"]) {
    document.addEventListener(kind, () => (touched = performance.now()), true);
  }
  document.querySelectorAll("[data-level]").forEach((tile) => tile.addEventListener("click", () => press(Number(tile.dataset.level))));
  document.querySelectorAll("[data-change]").forEach((tile) => tile.addEventListener("click", () => change(Number(tile.dataset.change))));
  document.querySelectorAll("[data-about]").forEach((button) => button.addEventListener("click", about));
  document.querySelectorAll("[data-back]").forEach((button) => button.addEventListener("click", () => (current ? go("rate") : end(null))));
  $("not-now").addEventListener("click", () => end("left"));
  $("send").addEventListener("click", () => words(false));
  $("skip").addEventListener("click", () => words(true));
  $("stay").addEventListener("click", () => (touched = performance.now()));
  $("done").addEventListener("click", () => end(null));
  $("check").addEventListener("click", check);
  $("full").addEventListener("click", () => document.documentElement.requestFullscreen && document.documentElement.requestFullscreen());
  window.addEventListener("online", flush);
  if ("serviceWorker" in navigator) navigator.serviceWorker.register(set.worker, { scope: "/tablet/" });
  document.querySelectorAll("[data-lang]").forEach((button) => button.addEventListener("click", () => speak(button.dataset.lang)));
  speak(FIRST);
  go("idle");
  tick();
  setInterval(tick, 250);
  setInterval(ask, 2000);
  setInterval(flush, BEAT / 2);
  listen();
  flush();
})();
