"use strict";
// 阅读器：在纪检人员自己的浏览器里做私钥、打开密封件。全部由浏览器自带的 WebCrypto 完成，页面的 CSP 不许它连任何地方。
// JWE (RFC 7516): RSA-OAEP-256 + A256GCM; the key file: PBES2-HS512+A256KW (RFC 7518, 4.8) around a JWK. See supervise/sealed.py.
(() => {
  const FORMAT = "minping-clue-2", PREFIX = "mpclue2:", BITS = 3072, STRETCH = 300000, LEAST = 12;
  const LABELS = { number: "编号", handed_in: "收到", from: "来源", by: "移送人", case: "差评件", words: "内容", contact: "联系方式" };
  const SOURCES = { staff: "工作人员移送", rater: "评价人反映" };
  const SAID = { from: (value) => SOURCES[value], handed_in: (value) => value.slice(0, 16).replace("T", " ") };
  const SERVICE = { organization: "单位", window: "窗口", item: "事项", case_no: "办件编号", served: "办理日期" };
  const { subtle } = crypto;
  const $ = (id) => document.getElementById(id);
  const text = new TextEncoder();
  const oaep = { name: "RSA-OAEP", hash: "SHA-256" };

  class Said extends Error {} // a sentence for the person

  const bytes = (raw) => {
    const out = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i += 1) out[i] = raw.charCodeAt(i);
    return out;
  };
  const raw = (data) => {
    let out = "";
    for (let i = 0; i < data.length; i += 8192) out += String.fromCharCode(...data.subarray(i, i + 8192));
    return out;
  };
  const un64 = (told) => bytes(atob(told.replaceAll("-", "+").replaceAll("_", "/")));
  const to64 = (data) => btoa(raw(data)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  const joined = (...parts) => {
    const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
    return all;
  };

  // --- a JWE with the key that unwraps its content key ------------------------------------------
  const headed = (token, alg) => {
    const parts = token.trim().split(".");
    let header = {};
    try {
      header = JSON.parse(new TextDecoder().decode(un64(parts[0])));
    } catch {
      // no JSON: no file of ours
    }
    if (parts.length !== 5 || header.alg !== alg || header.enc !== "A256GCM") throw new Said("这不是要选的文件。");
    return [parts, header];
  };
  const decrypted = async (parts, key, how) => {
    const gcm = { name: "AES-GCM", iv: un64(parts[2]), additionalData: text.encode(parts[0]), tagLength: 128 };
    const content = await subtle.unwrapKey("raw", un64(parts[1]), key, how, "AES-GCM", false, ["decrypt"]);
    return new TextDecoder().decode(await subtle.decrypt(gcm, content, joined(un64(parts[3]), un64(parts[4]))));
  };
  const stretched = async (passphrase, salt, rounds, use) => {
    const from = await subtle.importKey("raw", text.encode(passphrase), "PBKDF2", false, ["deriveKey"]);
    const input = joined(text.encode("PBES2-HS512+A256KW"), new Uint8Array(1), salt);
    const how = { name: "PBKDF2", hash: "SHA-512", salt: input, iterations: rounds };
    return subtle.deriveKey(how, from, { name: "AES-KW", length: 256 }, false, use);
  };

  const privateKey = async (file, passphrase) => {
    const [parts, header] = headed(file, "PBES2-HS512+A256KW");
    if (!(header.p2c > 0 && header.p2c <= STRETCH)) throw new Said("这不是私钥文件。");
    const lock = await stretched(passphrase, un64(header.p2s), header.p2c, ["unwrapKey"]);
    let told;
    try {
      told = JSON.parse(await decrypted(parts, lock, "AES-KW"));
    } catch {
      throw new Said("私钥打不开：请核对私钥文件和口令。");
    }
    const half = { kty: told.kty, n: told.n, e: told.e, d: told.d, p: told.p, q: told.q, dp: told.dp, dq: told.dq, qi: told.qi };
    return subtle.importKey("jwk", half, oaep, false, ["unwrapKey"]);
  };

  const opened = async (file, key) => {
    let told;
    try {
      told = JSON.parse(file);
    } catch {
      throw new Said("这不是密封件。");
    }
    if (told.format !== FORMAT) throw new Said("这不是密封件，或是别的版本写的。");
    let found;
    try {
      const [parts] = headed(told.sealed, "RSA-OAEP-256");
      found = JSON.parse(await decrypted(parts, key, oaep));
    } catch {
      throw new Said("打不开：不是封给这把私钥的，或密封件被改动过。请核对公钥指纹。");
    }
    if (found.number !== told.number) throw new Said("密封件的编号被改动过。");
    return found;
  };

  // --- a new key, locked under the passphrase ---------------------------------------------------
  const made = async (passphrase) => {
    const how = { ...oaep, modulusLength: BITS, publicExponent: new Uint8Array([1, 0, 1]) };
    const pair = await subtle.generateKey(how, true, ["wrapKey", "unwrapKey"]);
    const { kty, n, e, d, p, q, dp, dq, qi } = await subtle.exportKey("jwk", pair.privateKey);
    const salt = crypto.getRandomValues(new Uint8Array(16)), iv = crypto.getRandomValues(new Uint8Array(12));
    const header = { alg: "PBES2-HS512+A256KW", enc: "A256GCM", cty: "jwk+json", p2c: STRETCH, p2s: to64(salt) };
    const head = to64(text.encode(JSON.stringify(header)));
    const lock = await stretched(passphrase, salt, STRETCH, ["wrapKey"]);
    const content = await subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["encrypt"]);
    const wrapped = new Uint8Array(await subtle.wrapKey("raw", content, lock, "AES-KW"));
    const gcm = { name: "AES-GCM", iv, additionalData: text.encode(head), tagLength: 128 };
    const all = new Uint8Array(await subtle.encrypt(gcm, content, text.encode(JSON.stringify({ kty, n, e, d, p, q, dp, dq, qi }))));
    const file = [head, to64(wrapped), to64(iv), to64(all.subarray(0, -16)), to64(all.subarray(-16))].join(".") + "\n";
    const half = new Uint8Array(await subtle.exportKey("spki", pair.publicKey));
    const digest = new Uint8Array(await subtle.digest("SHA-256", half)).subarray(0, 16);
    const digits = [...digest].map((one) => one.toString(16).padStart(2, "0")).join("").toUpperCase();
    return { file, half: PREFIX + btoa(raw(half)), mark: digits.match(/.{4}/g).join(" ") };
  };

  // --- the page ---------------------------------------------------------------------------------
  const row = (list, label, value) => {
    const name = document.createElement("dt"), said = document.createElement("dd");
    name.textContent = label;
    said.textContent = value;
    said.className = "words";
    list.append(name, said);
  };
  const saved = (name, data, label) => {
    const link = document.createElement("a");
    link.className = "btn";
    link.download = name;
    link.href = URL.createObjectURL(new Blob([data], { type: "application/octet-stream" }));
    link.textContent = label;
    return link;
  };
  const show = (found) => {
    const list = $("told"), files = $("files");
    list.replaceChildren();
    files.replaceChildren();
    for (const [name, label] of Object.entries(LABELS)) {
      if (found[name]) row(list, label, SAID[name]?.(found[name]) ?? found[name]);
    }
    for (const [name, label] of Object.entries(SERVICE)) if (found.service?.[name]) row(list, label, found.service[name]);
    for (const one of found.files ?? []) files.append(saved(one.name, bytes(atob(one.content)), `保存附件：${one.name}`));
    $("attached").hidden = !found.files?.length;
    $("result").hidden = false;
    $("result").focus();
  };

  const run = (form, error, work) => form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    error.hidden = true;
    button.disabled = true;
    try {
      await work();
    } catch (failure) {
      error.textContent = failure instanceof Said ? failure.message : "没有成功，请换一个新版的浏览器再试。";
      error.hidden = false;
    }
    button.disabled = false;
  });

  if (!subtle) {
    $("insecure").hidden = false;
    return;
  }
  const given = $("sealed").value;
  $("given").hidden = !given;
  $("pick").hidden = Boolean(given);
  $("file").required = !given;
  if (given) $("given-number").textContent = JSON.parse(given).number;

  run($("open"), $("open-error"), async () => {
    $("result").hidden = true;
    const key = await privateKey(await $("key").files[0].text(), $("passphrase").value);
    const found = await opened(given || (await $("file").files[0].text()), key);
    $("passphrase").value = "";
    show(found);
  });
  run($("make"), $("make-error"), async () => {
    const passphrase = $("new").value;
    if ([...passphrase].length < LEAST) throw new Said(`口令至少 ${LEAST} 个字。`);
    if (passphrase !== $("again").value) throw new Said("两次输入的口令不一样。");
    const key = await made(passphrase);
    $("new").value = $("again").value = "";
    $("half").value = key.half;
    $("mark").textContent = key.mark;
    $("keep").replaceChildren(saved("纪检私钥.key", key.file, "保存私钥文件"));
    $("made").hidden = false;
    $("made").focus();
  });
  $("ready").hidden = false;
})();
