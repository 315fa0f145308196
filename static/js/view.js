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
    if (button && box) button.hidden = !byId("later") && (isFollowing || !log() || distance(box) < NEAR);
  };

  const toEnd = () => {
    const box = scroller();
    if (!box || !log()) return;
    box.scrollTop = box.scrollHeight;
    lastTop = box.scrollTop;
  };

  const settle = () => {
    if (isFollowing && !byId("later")) toEnd();
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
    else if (left <= NEAR) isFollowing = !byId("later");
    lastTop = target.scrollTop;
    showButton();
  }, true);

  document.addEventListener("wheel", ({ target, deltaY }) => {
    const box = target.closest?.("#scroll");
    if (box && deltaY < 0 && box.scrollTop > 0) isFollowing = false;
  }, { passive: true });

  document.addEventListener("click", ({ target }) => {
    if (target.closest?.("[data-action=to-end]")) {
      if (byId("later")) return visit(location.pathname);
      follow();
      document.querySelector(".composer-text")?.focus({ preventScroll: true });
    }
  });

  // Whoever unfolds something at the end reads there: it grows downwards, and its summary stays where it is.
  document.addEventListener("click", ({ target }) => {
    if (!target.closest?.("#messages summary")) return;
    isFollowing = false;
    requestAnimationFrame(() => requestAnimationFrame(() => {
      isFollowing = distance(scroller()) <= NEAR;
      showButton();
    }));
  });

  const goToTarget = () => {
    const named = new URLSearchParams(location.search).get("m");
    const id = location.hash.match(/^#message-([0-9a-f-]{36})$/)?.[1] ?? named;
    const target = id ? byId(`message-${id}`) : null;
    // It is further up than what the page has: the server draws the part around it.
    if (!target && id && id !== named && byId("earlier")) visit(`${location.pathname}?m=${id}#message-${id}`);
    if (!target) return false;
    isFollowing = false;
    target.scrollIntoView({ block: "start" });
    lastTop = scroller().scrollTop;
    target.classList.add("is-found");
    setTimeout(() => target.classList.remove("is-found"), 2600);
    showButton();
    return true;
  };

  const visit = (path) => document.dispatchEvent(new CustomEvent("chat:visit", { detail: { path } }));

  // --- A long conversation comes in parts: the next one is fetched before the reader is at its edge -------

  const AHEAD = "900px 0px";
  let edges = null;

  const watchEdges = () => {
    edges?.disconnect();
    const found = log()?.querySelectorAll(":scope > .edge > a") ?? [];
    if (!found.length) return;
    edges = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (isIntersecting && target.isConnected) htmx.trigger(target, "chat:near");
      }
    }, { root: scroller(), rootMargin: AHEAD });
    for (const link of found) edges.observe(link);
  };

  // Where the messages stood before a swap: the one nearest to the top of the view stays there.
  let places = [];

  const rememberPlaces = ({ detail: { ctx } }) => {
    const isOfMessages = ctx?.target?.closest?.("#messages") && !isFollowing;
    const articles = isOfMessages ? [...log().querySelectorAll("article")] : [];
    const top = articles.length ? scroller().getBoundingClientRect().top : 0;
    const at = (article) => article.getBoundingClientRect().top - top;
    places = articles.map((article) => ({ id: article.id, at: at(article) }));
    places.sort((one, other) => Math.abs(one.at) - Math.abs(other.at));
  };

  const returnToPlace = () => {
    const place = places.find(({ id }) => byId(id));
    places = [];
    if (!place) return;
    const box = scroller();
    const now = byId(place.id).getBoundingClientRect().top - box.getBoundingClientRect().top;
    box.scrollTop += now - place.at;
    lastTop = box.scrollTop;
    showButton();
  };

  document.addEventListener("htmx:before:swap", rememberPlaces);
  for (const name of ["DOMContentLoaded", "chat:page", "htmx:finally:swap", "chat:answers"]) {
    document.addEventListener(name, () => {
      returnToPlace();
      // Only once the page stands where its reader begins.
      requestAnimationFrame(watchEdges);
    });
  }

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
  // What was sent stands at the end; a page that has another part goes there.
  document.addEventListener("chat:sent", () => (byId("later") ? visit(location.pathname) : follow()));
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

  const TEXTS = ".parts > :is(.part-text, .part-refusal)";
  const RUNNING = new Set(["queued", "running", "waiting"]);

  // The texts of an answer whose last words were read, by article.
  const readOut = new WeakMap();

  const statesOf = (article) =>
    new Map([...article.querySelectorAll(".tool")].map((tool) => [tool.id, tool.dataset.state]));

  const openWordsOf = (article) =>
    new Map([...article.querySelectorAll(TEXTS)].map((part) => [
      part.id, [...part.querySelectorAll(".open-block")].map(wordsOf).join(" "),
    ]));

  const announceWaiting = (article, before) => {
    const now = [...statesOf(article)].filter(([id, state]) => state === "waiting" && before.get(id) !== state);
    if (now.length) announce("An approval is needed.");
  };

  // What a drawn article says that was not read yet, from its top down. A text that the page has seen
  // growing was read but for what stood in its open block.
  const announceNew = (article, { openWords, states, hasEnded }) => {
    const done = readOut.get(article) ?? new Set();
    readOut.set(article, done);
    for (const block of article.querySelectorAll(`${TEXTS}, .tool`)) {
      if (block.matches(".tool")) {
        const { state } = block.dataset;
        if (state === states.get(block.id) || RUNNING.has(state)) continue;
        announce(block.querySelector("summary").getAttribute("aria-label"));
      } else if (!done.has(block.id) && (hasEnded || block.nextElementSibling)) {
        // Whatever follows, tools say, has ended a text.
        done.add(block.id);
        announce(openWords.get(block.id) ?? wordsOf(block));
      }
    }
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
    // An answer that was cut goes on in its own text: what stood there comes again, and was read.
    if (change.reset) {
      prose.replaceChildren();
      readOut.get(article)?.delete(part.id);
    }
    let open = prose.querySelector(":scope > .open-block");
    if (!open) {
      open = Object.assign(document.createElement("div"), { className: "open-block" });
      prose.append(open);
    }
    if (change.closed) {
      open.insertAdjacentHTML("beforebegin", change.closed);
      if (part.dataset.kind === "text" && !change.reset) announce(wordsOf(parse(change.closed)));
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

  // What the reader has folded and unfolded stays so; a card that begins or ends to wait is as the server says.
  const keepOpen = (old, fresh) => {
    const waits = (details) => details.dataset.state === "waiting";
    for (const details of old.querySelectorAll("details[id]")) {
      const same = fresh.querySelector(`#${CSS.escape(details.id)}`);
      if (same && waits(details) === waits(same)) same.open = details.open;
    }
  };

  const keyed = (parent) => {
    const found = new Map();
    for (const child of parent.children) {
      let key = child.id || `${child.localName}.${child.className}`;
      while (found.has(key)) key += "+";
      found.set(key, child);
    }
    return found;
  };

  const isSame = (one, other) => {
    one.normalize();
    // The content of a template is no part of its equality.
    return one.localName !== "template" && one.isEqualNode(other);
  };

  // Whatever is the same stands untouched: focus, selection, scrolling and spinners go on in there.
  const become = (old, fresh) => {
    for (const { name, value } of fresh.attributes) {
      if (name !== "class") old.setAttribute(name, value);
    }
    const wanted = keyed(fresh);
    const standing = keyed(old);
    for (const [key, child] of standing) {
      // A question that is being edited keeps what was typed.
      if (!wanted.has(key) && !child.matches(".edit-form")) child.remove();
    }
    let place = old.firstElementChild;
    for (const [key, child] of wanted) {
      const same = standing.get(key);
      if (same && same === place) place = place.nextElementSibling;
      else old.insertBefore(same ?? child, place);
      if (same?.matches(".parts, .tools")) become(same, child);
      else if (same && !isSame(same, child)) same.replaceWith(child);
      if (child.isConnected) htmx.process(child);
    }
  };

  const FOCUSABLE = "a, button, summary, [tabindex]";
  const kindOf = (element) =>
    [element.localName, element.dataset.action, element.localName === "summary" || (element.ariaLabel ?? element.textContent)].join();

  // Returns what brings the focus back to the same control, else to the card's summary, else to the page.
  const rememberFocus = (article) => {
    const focused = document.activeElement;
    if (!article.contains(focused)) return () => {};
    const owner = focused.closest("[id]");
    const alike = (root) => [...root.querySelectorAll(FOCUSABLE)].filter((each) => kindOf(each) === kindOf(focused));
    const place = alike(owner).indexOf(focused);
    return () => {
      if (focused.isConnected) return;
      const root = byId(owner.id);
      const summary = root?.matches("details") ? root.querySelector("summary") : null;
      ((root && alike(root)[place]) ?? summary ?? byId("main")).focus({ preventScroll: true });
    };
  };

  // A point in text, as what holds it and how many characters stand before it there.
  const pointAt = (node, offset) => {
    const holder = (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement).closest("[id]");
    const range = document.createRange();
    range.setStart(holder, 0);
    range.setEnd(node, offset);
    return { id: holder.id, count: range.toString().length };
  };

  const findPoint = ({ id, count }) => {
    const walker = document.createTreeWalker(byId(id) ?? document.createElement("p"), NodeFilter.SHOW_TEXT);
    let left = count;
    while (walker.nextNode()) {
      if (left <= walker.currentNode.length) return [walker.currentNode, left];
      left -= walker.currentNode.length;
    }
    return null;
  };

  const rememberSelection = (article) => {
    const selection = getSelection();
    const text = selection.toString();
    const { anchorNode, anchorOffset, focusNode, focusOffset } = selection;
    if (!text || !article.contains(anchorNode) || !article.contains(focusNode)) return () => {};
    const points = [pointAt(anchorNode, anchorOffset), pointAt(focusNode, focusOffset)];
    return () => {
      if (selection.toString() === text) return;
      const [anchor, focus] = points.map(findPoint);
      if (!anchor || !focus) return;
      selection.setBaseAndExtent(...anchor, ...focus);
      if (selection.toString() !== text) selection.removeAllRanges();
    };
  };

  const put = (old, fresh) => {
    const bringBack = [rememberFocus(old), rememberSelection(old)];
    keepOpen(old, fresh);
    become(old, fresh);
    for (const bring of bringBack) bring();
  };

  const finish = ({ message, state, html }) => {
    const article = byId(`message-${message}`);
    const fresh = parse(html).querySelector("article");
    if (!article || !fresh) return;
    const hasEnded = !RUNNING.has(state);
    const known = { openWords: openWordsOf(article), states: statesOf(article), hasEnded };
    put(article, fresh);
    announceNew(article, known);
    announceWaiting(article, known.states);
    const trouble = hasEnded && article.querySelector(".trouble-words > p, .chip");
    if (trouble) announce(trouble.textContent);
  };

  // Two articles with the same signature show the same; the one that stands there keeps focus and selection.
  const signature = (article) =>
    JSON.stringify([
      article.dataset.state,
      article.dataset.edge,
      article.dataset.pinned,
      article.querySelector(".pager")?.textContent.trim(),
      article.querySelector("template.raw")?.content.textContent,
      article.querySelectorAll(".attachments img, .trouble, .chip").length,
      [...statesOf(article)],
    ]);

  const isAsNew = (old, fresh) =>
    signature(old) === signature(fresh) && Number(old.dataset.seq ?? 0) >= Number(fresh.dataset.seq ?? 0);

  // Makes the children of a place those that are wanted. What stands somewhere already is kept, and moved: an
  // answer goes on growing when it comes to stand side by side with others, or alone again.
  const arrange = (parent, wanted) => {
    let last = null;
    for (const fresh of wanted) {
      const columns = [...fresh.querySelectorAll(":scope > .columns > article")];
      for (const column of columns) column.remove();
      const old = log().querySelector(`#${CSS.escape(fresh.id)}`);
      const next = last ? last.nextElementSibling : parent.firstElementChild;
      last = old ?? fresh;
      if (last !== next) parent.insertBefore(last, next);
      if (columns.length) {
        const words = fresh.querySelector(":scope > .comparison-words");
        if (old) old.querySelector(":scope > .comparison-words").replaceWith(words);
        const place = last.querySelector(":scope > .columns");
        place.dataset.count = columns.length;
        arrange(place, columns);
      } else if (!old) {
        htmx.process(fresh);
      } else if (!isAsNew(old, fresh)) {
        const states = statesOf(old);
        put(old, fresh);
        announceWaiting(old, states);
      }
    }
    for (const rest of [...parent.children].slice(wanted.length)) {
      if (!rest.querySelector(":scope > .edit-form")) rest.remove();
    }
  };

  // Above the first message that comes, the branch is the same as it was: what was loaded there stays.
  const loadedAbove = (messages, fresh) => {
    const edge = fresh.querySelector(":scope > #earlier");
    const first = byId(edge?.nextElementSibling?.id);
    if (first?.parentElement !== messages) return [];
    edge.remove();
    const all = [...messages.children];
    return all.slice(0, all.indexOf(first));
  };

  const replaceBranch = (html, { takeCursor }) => {
    const messages = log();
    const fresh = parse(html).querySelector("#messages");
    if (!messages || !fresh || fresh.dataset.conversation !== messages.dataset.conversation) return;
    arrange(messages, [...loadedAbove(messages, fresh), ...fresh.children]);
    messages.dataset.url = fresh.dataset.url;
    messages.dataset.revision = fresh.dataset.revision;
    if (takeCursor) messages.dataset.events = fresh.dataset.events;
  };

  return { grow, finish, replaceBranch, settle };
})();
