"use strict";
// What holds the page together: what all htmx requests share, going from page to page, failures, the keyboard.
{
  const token = () => document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? "";

  const say = (text) => document.dispatchEvent(new CustomEvent("chat:toast", { detail: { text } }));

  // A token that stands in the page goes stale when somebody signs in again in another tab; the cookie does not.
  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    const { request } = ctx;
    if (request.method === "GET") return;
    request.body.delete("csrfmiddlewaretoken");
    request.headers["X-CSRFToken"] = token();
  });

  // The same for forms that the browser posts by itself.
  document.addEventListener("submit", ({ target }) => {
    const field = target.elements?.namedItem("csrfmiddlewaretoken");
    if (field && token()) field.value = token();
  }, true);

  document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
    // No answer of ours has such a tag: where one stands, it is in somebody's text, and stays text.
    ctx.text = ctx.text.replace(/<hx-/gi, "&lt;hx-");
    // Whoever answers a whole page to a request for #main is understood too.
    if (ctx.target?.id === "main" && /^\s*<!doctype/i.test(ctx.text)) ctx.select = "#main > *";
  });

  // A send that was answered twice must not show twice. Messages that come as a whole take the place of all.
  document.addEventListener("htmx:before:swap", ({ detail: { tasks } }) => {
    for (const { type, fragment } of tasks ?? []) {
      if (type !== "oob" || fragment.querySelector("#messages")) continue;
      for (const article of fragment.querySelectorAll("article[id]")) {
        if (document.getElementById(article.id)) article.remove();
      }
    }
  });

  // --- Going from page to page ------------------------------------------------------------------

  const visit = (path, { push = false } = {}) =>
    htmx.ajax("GET", path, { source: "#main", target: "#main", swap: "innerHTML", push: push ? "true" : "false" });

  document.addEventListener("chat:visit", ({ detail }) => visit(detail.path, { push: true }));

  // Back and Forward fetch what is there now: no page is kept, so none is stale.
  document.addEventListener("htmx:before:history:restore", (event) => {
    event.preventDefault();
    visit(event.detail.path);
  });

  const markCurrent = () => {
    for (const link of document.querySelectorAll(".row-link, .new-chat")) {
      const isHere = new URL(link.href).pathname === location.pathname;
      if (isHere) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  };

  const nameDocument = () => {
    const heading = document.querySelector("#main h1")?.textContent.trim();
    if (heading) document.title = `${heading} · ChainHub Chat`;
  };

  // Pages of the list may begin with the group that the last one ended with, or repeat a row that moved.
  const joinGroups = () => {
    const groups = new Map();
    for (const group of document.querySelectorAll("#sidebar-rows .group")) {
      const first = groups.get(group.dataset.group);
      if (!first) {
        groups.set(group.dataset.group, group);
        continue;
      }
      first.querySelector(".rows").append(...group.querySelector(".rows").children);
      group.remove();
    }
    const seen = new Set();
    for (const row of document.querySelectorAll("#sidebar-rows .row")) {
      if (seen.has(row.id)) row.remove();
      seen.add(row.id);
    }
  };

  // --- The list of conversations, live: the stream tells what changed, by whichever tab --------------------

  const rows = () => document.getElementById("sidebar-rows");
  const search = () => document.getElementById("search").value.trim();
  let looking = 0;

  const drawRow = (row, { title, mark, words }) => {
    row.dataset.mark = mark;
    row.querySelector(".row-words").textContent = words;
    row.querySelector(".row-title").textContent = title;
    row.querySelector("summary").setAttribute("aria-label", `Actions for ${title}`);
  };

  const dataOf = (row) => ({
    title: row.querySelector(".row-title").textContent,
    mark: row.dataset.mark,
    words: row.querySelector(".row-words").textContent,
  });

  // The first page of the list, put over the one that stands there: what is the same stays untouched, and the
  // older rows that were loaded stay, too.
  const mergeRows = (html) => {
    const list = rows();
    const template = document.createElement("template");
    template.innerHTML = html;
    const fresh = template.content;
    const ids = new Set([...fresh.querySelectorAll(".row")].map(({ id }) => id));
    const standing = [...list.querySelectorAll(".row")];
    const last = fresh.querySelector(".older") ? standing.findLastIndex(({ id }) => ids.has(id)) : standing.length;
    // A row whose own request is under way stays for its answer, which brings the undo and takes the row away.
    const isGone = (row) => !ids.has(row.id) && !row.querySelector(".htmx-request");
    for (const row of standing.slice(0, Math.max(last, 0))) if (isGone(row)) row.remove();
    if (!standing.length || !ids.size) list.replaceChildren();
    const focused = document.activeElement;
    let place = list.firstElementChild;
    for (const group of [...fresh.children]) {
      const name = group.dataset.group;
      let same = name ? list.querySelector(`:scope > .group[data-group="${CSS.escape(name)}"]`) : null;
      if (!same) {
        if (!name && standing.length && ids.size) continue;
        same = group.cloneNode(true);
        same.querySelector(".rows")?.replaceChildren();
      }
      if (same !== place) list.insertBefore(same, place);
      else place = place.nextElementSibling;
      mergeGroup(same, group);
    }
    for (const empty of list.querySelectorAll(".group:not(:has(.row))")) empty.remove();
    if (list.contains(focused)) focused.focus({ preventScroll: true });
    htmx.process(list);
    markCurrent();
  };

  const mergeGroup = (group, fresh) => {
    let place = group.querySelector(".row");
    for (const row of [...fresh.querySelectorAll(".row")]) {
      const old = document.getElementById(row.id);
      const isSame = old && "temporary" in old.dataset === "temporary" in row.dataset;
      if (isSame) drawRow(old, dataOf(row));
      else old?.replaceWith(row);
      if (place === old && !isSame) place = old && row;
      const now = isSame ? old : row;
      if (now === place) place = place.nextElementSibling;
      else group.querySelector(".rows").insertBefore(now, place);
    }
  };

  const fetchRows = async () => {
    const wanted = search();
    const answer = await fetch(`${rows().dataset.url}?${new URLSearchParams(wanted && { q: wanted })}`, {
      headers: { "HX-Request": "true" }, cache: "no-store",
    }).catch(() => null);
    if (answer?.ok && wanted === search()) mergeRows(await answer.text());
  };

  const fetchRowsSoon = () => {
    clearTimeout(looking);
    looking = setTimeout(fetchRows, 200);
  };

  document.addEventListener("chat:list", ({ detail: { html, isOld, version, rows: changed, order, more } }) => {
    if (html) return search() ? undefined : mergeRows(html);
    if (isOld) return fetchRowsSoon();
    rows().dataset.version = version;
    let isStale = false;
    for (const data of changed) {
      const row = document.getElementById(`row-${data.id}`);
      if (row) drawRow(row, data);
      isStale ||= row && "temporary" in row.dataset !== data.temporary;
    }
    const standing = [...rows().querySelectorAll(".row")].map((row) => row.dataset.conversation);
    const isElse = order && standing.slice(0, more ? order.length : undefined).join() !== order.join();
    // What was searched for stands until other words are.
    if ((isStale || isElse) && !search()) fetchRowsSoon();
    return undefined;
  });

  document.addEventListener("htmx:after:settle", ({ detail: { task } }) => {
    const target = task.target;
    if (target.id === "main") {
      document.dispatchEvent(new CustomEvent("chat:page"));
      focusPage();
    }
    if (target.closest?.("#sidebar-rows")) joinGroups();
    markCurrent();
    nameDocument();
  });

  const focusPage = () => {
    if (matchMedia("(hover: none)").matches) return;
    if (document.activeElement?.id === "search") return;
    const place = document.querySelector(".composer-text") ?? document.getElementById("main");
    place.focus({ preventScroll: true });
  };

  document.addEventListener("DOMContentLoaded", () => {
    markCurrent();
    if (!document.activeElement || document.activeElement === document.body) {
      if (document.querySelector(".is-new")) focusPage();
    }
  });

  // The lists of prompts and of whom to ask come with the first sign that calls one.
  const loadSuggestions = ({ target }) => {
    if (!target.matches?.(".composer-text") || !/[/@]/.test(target.value)) return;
    document.removeEventListener("input", loadSuggestions);
    import(target.form.dataset.suggestions).then(
      ({ look }) => look(target),
      () => document.addEventListener("input", loadSuggestions),
    );
  };
  document.addEventListener("input", loadSuggestions);

  // --- Failures -----------------------------------------------------------------------------------

  const SENTENCES = {
    400: "The server did not understand this. Reload the page and try again.",
    403: "This page is too old. Reload it and try again.",
    404: "This is gone, or not yours any more.",
    413: "This is too large to be sent.",
    429: "Too many requests at once. Wait a moment, then try again.",
  };

  const failed = (ctx, text) => {
    const source = ctx?.sourceElement;
    if (source?.id === "composer") {
      source.dispatchEvent(new CustomEvent("chat:not-sent", { bubbles: true, detail: { text } }));
    } else {
      say(text);
    }
  };

  document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
    const { status } = ctx.response;
    // 422 comes with its own words; 401 leads to the sign-in.
    if (status === 422 || status === 401) return;
    // 409 says in words what came in between; so does a 404 about something that the form names.
    const isPlain = ctx.response.headers.get("Content-Type")?.startsWith("text/plain");
    const text = status === 409 || (status === 404 && isPlain) ? ctx.text : SENTENCES[status];
    failed(ctx, text || "Something broke on the server. Try again in a moment.");
  });

  document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
    if (ctx) failed(ctx, "There is no connection to the server right now.");
  });

  // --- The keyboard: product.md §5 lists the keys, _shortcuts.html shows them to people ----------------

  const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
  const tell = (name) => document.dispatchEvent(new CustomEvent(name));

  const focusSearch = () => {
    const search = document.getElementById("search");
    const isShown = search.checkVisibility?.({ visibilityProperty: true }) ?? true;
    if (!isShown) tell("chat:toggle-sidebar");
    search.focus();
    search.select();
  };

  const showShortcuts = () => {
    const dialog = document.getElementById("shortcuts");
    if (dialog.open) dialog.close();
    else if (!document.querySelector("dialog[open]")) dialog.showModal();
  };

  // By `code` where Shift changes the character, or where it stands elsewhere on other keyboards.
  const find = (event) => {
    const isCommand = event.ctrlKey || event.metaKey;
    if (event.key === "Escape" && event.shiftKey) return () => document.querySelector(".composer-text")?.focus();
    if (!isCommand || event.altKey) return null;
    const key = event.key.toLowerCase();
    if (event.shiftKey) {
      if (key === "o") return () => document.querySelector("[data-new-chat]").click();
      if (key === "s") return () => tell("chat:toggle-sidebar");
      if (key === ";" || key === ":" || event.code === "Semicolon") return () => tell("chat:copy-last-code");
    }
    if (key === "k" && !event.shiftKey) return focusSearch;
    if (key === "/" || (event.code === "Slash" && !event.shiftKey)) return showShortcuts;
    return null;
  };

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.repeat) return;
    const act = find(event);
    if (!act) return;
    event.preventDefault();
    act();
  });

  // With nothing else in focus, or an empty composer, these keys belong to the messages.
  const SCROLL = { PageUp: -0.9, PageDown: 0.9, Home: -Infinity, End: Infinity };

  document.addEventListener("keydown", (event) => {
    const scroller = document.getElementById("scroll");
    const { target } = event;
    const isFree = target === document.body || target.id === "main" || (target.matches?.(".composer-text") && !target.value);
    if (!(event.key in SCROLL) || !scroller || !isFree || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const by = SCROLL[event.key];
    if (Number.isFinite(by)) scroller.scrollBy({ top: by * scroller.clientHeight });
    else scroller.scrollTo({ top: by < 0 ? 0 : scroller.scrollHeight });
  });

  if (isMac) {
    document.addEventListener("DOMContentLoaded", () => {
      for (const key of document.querySelectorAll("kbd")) key.textContent = key.textContent.replace("Ctrl", "⌘");
    });
  }
}
