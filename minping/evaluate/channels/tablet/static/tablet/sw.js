// Keeps the device's page and what it is made of, so that it opens while the server is away.
"use strict";
const KEPT = "minping-tablet-1";
const SHELL = [
  "/tablet/",
  "/tablet/about/zh-hans",
  "/tablet/about/zh-hant",
  "/tablet/about/en",
  "/static/minping/tokens.css",
  "/static/minping/components.css",
  "/static/minping/icon.svg",
  "/static/minping/rate.js",
  "/static/tablet/tablet.css",
  "/static/tablet/tablet.js",
];

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(caches.open(KEPT).then((kept) => kept.addAll(SHELL)));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(self.clients.claim());
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  const ours = url.origin === location.origin && (SHELL.includes(url.pathname) || url.pathname.startsWith("/static/"));
  if (event.request.method !== "GET" || !ours) return;
  // What the browser still holds may be of before an upgrade: a file is asked for anew, which costs a 304.
  const asked = event.request.mode === "navigate" ? event.request : new Request(event.request, { cache: "no-cache" });
  event.respondWith(
    fetch(asked).then(
      (fresh) => {
        if (fresh.ok && !fresh.redirected) {
          const copy = fresh.clone();
          event.waitUntil(caches.open(KEPT).then((kept) => kept.put(url.pathname, copy)));
        }
        return fresh.status >= 500 ? caches.match(url.pathname).then((found) => found || fresh) : fresh;
      },
      () => caches.match(url.pathname).then((found) => found || Response.error())
    )
  );
});
