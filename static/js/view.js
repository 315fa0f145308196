"use strict";
// The messages as they are seen: how an answer grows, what is read aloud, and where the reader is.
// stream.js calls it, as window.chatView.
window.chatView = (() => {
  const byId = (id) => document.getElementById(id);
  const log = () => byId("messages");

  // --- The reader's place: the end is followed only by a reader who is there ---------------------------

  const NEAR = 24;
  let isFollowing = true;
  let lastTop = 0;

  const scroller = () => byId("scroll");
  const distance = (box) => box.scrollHeight - box.scrollTop - box.clientHeight;

  const showButton = () => {
    const button = document.querySelector(".to-end");
    const box = scroller();
    if (button && box) button.hidden = isFollowing || !log() || distance(box) < NEAR;
  };

  const toEnd = () => {
    const box = scroller();
    if (!box || !log()) return;
    box.scrollTop = box.scrollHeight;
    lastTop = box.scrollTop;
  };

  const settle = () => {
    if (isFollowing) toEnd();
    showButton();
  };

  const follow = () => {
    isFollowing = true;
    settle();
  };

  document.addEventListener("scroll", ({ target }) => {
    if (target.id !== "scroll") return;
    const left = distance(target);
    // Upwards, unless it is the end that came closer because something shrank.
    if (target.scrollTop < lastTop - 1 && left > 1) isFollowing = false;
    else if (left <= NEAR) isFollowing = true;
    lastTop = target.scrollTop;
    showButton();
  }, true);

  document.addEventListener("wheel", ({ target, deltaY }) => {
    const box = target.closest?.("#scroll");
    if (box && deltaY < 0 && box.scrollTop > 0) isFollowing = false;
  }, { passive: true });

  document.addEventListener("click", ({ target }) => {
    if (target.closest?.("[data-action=to-end]")) {
      follow();
      document.querySelector(".composer-text")?.focus({ preventScroll: true });
    }
  });

  const goToTarget = () => {
    const target = location.hash.startsWith("#message-") ? byId(location.hash.slice(1)) : null;
    if (!target) return false;
    isFollowing = false;
    target.scrollIntoView({ block: "start" });
    lastTop = scroller().scrollTop;
    target.classList.add("is-found");
    setTimeout(() => target.classList.remove("is-found"), 2600);
    showButton();
    return true;
  };

  const sizes = new ResizeObserver(settle);
  let watched = null;

  const begin = () => {
    if (log() === watched) return;
    const isSamePage = watched?.dataset.conversation === log()?.dataset.conversation;
    watched = log();
    sizes.disconnect();
    if (!watched) return;
    sizes.observe(watched);
    sizes.observe(scroller());
    if (isSamePage) settle();
    else if (!goToTarget()) follow();
  };

  document.addEventListener("DOMContentLoaded", begin);
  document.addEventListener("chat:page", begin);
  document.addEventListener("htmx:finally:swap", begin);
  document.addEventListener("chat:sent", follow);
  addEventListener("hashchange", goToTarget);

  // --- What is read aloud: each finished block, once -----------------------------------------------------

  const announce = (text) => {
    const words = text.replace(/\s+/g, " ").trim();
    if (!words) return;
    const announcer = byId("announcer");
    const line = Object.assign(document.createElement("p"), { textContent: words });
    announcer.append(line);
    while (announcer.childElementCount > 12) announcer.firstElementChild.remove();
  };

  const wordsOf = (root) => {
    const copy = root.cloneNode(true);
    for (const control of copy.querySelectorAll("button, template")) control.remove();
    return copy.textContent;
  };

  const parse = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content;
  };

  // --- An answer that grows ----------------------------------------------------------------------------------

  const thinkingSince = new WeakMap();

  const endThinking = (article) => {
    for (const part of article.querySelectorAll(":scope > .parts > .part-thinking")) {
      const words = part.querySelector(".thought");
      if (!words.textContent.endsWith("…")) continue;
      const since = thinkingSince.get(part);
      words.textContent = since ? `Thought for ${Math.max(1, Math.round((performance.now() - since) / 1000))} s` : "Thought";
    }
  };

  const makePart = (article, { position, kind }) => {
    endThinking(article);
    const template = byId(`part-${kind}`) ?? byId("part-text");
    const part = template.content.firstElementChild.cloneNode(true);
    part.id = `part-${article.dataset.message}-${position}`;
    if (kind === "thinking") thinkingSince.set(part, performance.now());
    article.querySelector(".parts").append(part);
    return part;
  };

  const growPart = (article, change) => {
    const part = byId(`part-${article.dataset.message}-${change.position}`) ?? makePart(article, change);
    const prose = part.querySelector(":scope > .prose");
    let open = prose.querySelector(":scope > .open-block");
    if (!open) {
      open = Object.assign(document.createElement("div"), { className: "open-block" });
      prose.append(open);
    }
    if (change.closed) {
      open.insertAdjacentHTML("beforebegin", change.closed);
      if (part.dataset.kind === "text") announce(wordsOf(parse(change.closed)));
    }
    if (change.open !== undefined && change.open !== null) open.innerHTML = change.open;
    if (change.append) (open.querySelector(".open-text") ?? open).append(change.append);
  };

  const grow = (article, data) => {
    // What the article was drawn with may hold this step already.
    if (data.seq && data.seq <= Number(article.dataset.seq)) return;
    if (data.seq) article.dataset.seq = data.seq;
    // Whatever grows is running, also where the page was drawn in the moment of the change.
    if (data.state) article.dataset.state = data.state;
    else if (article.dataset.state === "queued" && data.parts) article.dataset.state = "running";
    if (data.note !== undefined) {
      const note = article.querySelector("[data-note]");
      note.textContent = data.note;
      note.hidden = !data.note;
    }
    for (const change of data.parts ?? []) growPart(article, change);
  };

  // --- Whole articles, and the whole branch ----------------------------------------------------------------

  const put = (old, fresh) => {
    // What the reader has opened stays open.
    for (const details of old.querySelectorAll("details[id][open]")) {
      const same = fresh.querySelector(`#${CSS.escape(details.id)}`);
      if (same) same.open = true;
    }
    const hadFocus = old.contains(document.activeElement);
    old.replaceWith(fresh);
    htmx.process(fresh);
    if (hadFocus) byId("main").focus({ preventScroll: true });
  };

  const finish = ({ message, state, html }) => {
    const old = byId(`message-${message}`);
    const fresh = parse(html).querySelector("article");
    if (!old || !fresh) return;
    const openText = [...old.querySelectorAll(".part-text .open-block")].map((block) => wordsOf(block)).join(" ");
    put(old, fresh);
    if (state === "queued" || state === "running") return;
    announce(openText || (old.querySelector(".part-text") ? "" : wordsOf(fresh.querySelector(".parts"))));
    const trouble = fresh.querySelector(".trouble-words > p, .chip");
    if (trouble) announce(trouble.textContent);
  };

  // Two articles with the same signature show the same; the one that stands there keeps focus and selection.
  const signature = (article) =>
    JSON.stringify([
      article.dataset.state,
      article.querySelector(".pager")?.textContent.trim(),
      article.querySelector("template.raw")?.content.textContent,
      article.querySelectorAll(".attachments img, .trouble, .chip").length,
    ]);

  const isAsNew = (old, fresh) =>
    signature(old) === signature(fresh) && Number(old.dataset.seq ?? 0) >= Number(fresh.dataset.seq ?? 0);

  const replaceBranch = (html, { takeCursor }) => {
    const messages = log();
    const fresh = parse(html).querySelector("#messages");
    if (!messages || !fresh || fresh.dataset.conversation !== messages.dataset.conversation) return;
    let place = messages.firstElementChild;
    for (const article of [...fresh.children]) {
      const old = messages.querySelector(`:scope > #${CSS.escape(article.id)}`);
      if (!old) {
        messages.insertBefore(article, place);
        htmx.process(article);
        continue;
      }
      if (old === place) place = place.nextElementSibling;
      else messages.insertBefore(old, place);
      if (!isAsNew(old, article)) put(old, article);
    }
    while (place) {
      const next = place.nextElementSibling;
      place.remove();
      place = next;
    }
    messages.dataset.revision = fresh.dataset.revision;
    if (takeCursor) messages.dataset.events = fresh.dataset.events;
  };

  return { grow, finish, replaceBranch, settle };
})();
