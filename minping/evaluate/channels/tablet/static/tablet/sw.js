// Keeps the device's page and what it is made of, so that it opens while the server is away.
"use strict";
const KEPT = "minping-tablet-1";
const SHELL = [
  "/tablet/",
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
  const ours = url.origin === location.origin && (url.pathname === "/tablet/" || url.pathname.startsWith("/static/"));
  if (event.request.method !== "GET" || !ours) return;
  event.respondWith(
    fetch(event.request).then(
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
