"use strict";
// The live stream of the conversation that is shown: one EventSource while the tab is seen, resumed from its
// cursor. The page is only a viewer: whatever is missed is drawn again from what the server has stored.
{
  const byId = (id) => document.getElementById(id);
  const log = () => byId("messages");
  const wait = (ms, then) => setTimeout(then, ms * (0.8 + Math.random() * 0.4));

  // --- The connection ---------------------------------------------------------------------------------

  const FIRST_WAIT = 1000;
  const LONGEST_WAIT = 15_000;
  const POLL_EVERY = 3000;
  const TRY_STREAM_EVERY = 30_000;

  let source = null;
  let timers = [];
  let failures = 0;
  // Grows whenever the page or its visibility changes: what was begun before then has no say any more.
  let era = 0;
  let round = 0;

  const later = (ms, act) => timers.push(wait(ms, act));
  const clearTimers = () => {
    timers.forEach(clearTimeout);
    timers = [];
  };

  const setBanner = (text) => {
    const banner = byId("connection");
    if (banner && banner.textContent !== text) banner.textContent = text;
  };

  const signIn = () => {
    const here = encodeURIComponent(location.pathname);
    location.assign(`${document.body.dataset.login}?next=${here}`);
  };

  // The conversation was deleted: by this very page, which then leaves by itself, or elsewhere.
  const leave = () => {
    const gone = log();
    later(500, () => {
      if (log() !== gone) return;
      document.dispatchEvent(new CustomEvent("chat:toast", { detail: { text: "This conversation was deleted." } }));
      document.dispatchEvent(new CustomEvent("chat:visit", { detail: { path: document.body.dataset.home } }));
    });
  };

  const stop = () => {
    era += 1;
    clearTimers();
    source?.close();
    source = null;
  };

  const start = () => {
    stop();
    if (!log()?.dataset.events || document.hidden) return;
    open();
  };

  const open = () => {
    source?.close();
    const now = (source = new EventSource(log().dataset.events));
    let wasOpen = false;
    now.onopen = () => {
      wasOpen = true;
      clearTimers();
      setBanner("");
      // A connection that breaks at once again is not healed yet.
      later(5000, () => {
        failures = 0;
      });
    };
    now.onerror = () => {
      if (now !== source) return;
      now.close();
      source = null;
      clearTimers();
      recover(wasOpen);
    };
    for (const [name, receive] of Object.entries(RECEIVERS)) {
      now.addEventListener(name, (event) => {
        if (now === source) receive(event);
      });
    }
  };

  // EventSource does not say why it failed; the messages' own address does.
  const recover = async (wasOpen) => {
    const mine = era;
    const answer = await fetchMessages();
    if (mine !== era) return;
    if (answer.status === 401) return signIn();
    if (answer.status === 404) return leave();
    if (!answer.html) {
      failures += 1;
      setBanner("Connection lost. Trying again…");
      later(Math.min(FIRST_WAIT * 2 ** (failures - 1), LONGEST_WAIT), () => recover(true));
      return;
    }
    setBanner("");
    reconcile(answer.html, { takeCursor: true });
    failures += 1;
    if (wasOpen) later(Math.min(200 * 2 ** (failures - 1), LONGEST_WAIT), open);
    else poll(mine);
  };

  // There are too many streams, or something on the way lets none through: look again and again instead.
  const poll = (mine) => {
    const now = (round += 1);
    later(failures > 1 ? TRY_STREAM_EVERY : POLL_EVERY, open);
    const look = async () => {
      const answer = await fetchMessages();
      if (mine !== era || now !== round || source) return;
      if (!answer.html) return recover(false);
      reconcile(answer.html, { takeCursor: true });
      later(POLL_EVERY, look);
    };
    later(POLL_EVERY, look);
  };

  const fetchMessages = async () => {
    try {
      const headers = { "HX-Request": "true", "HX-Current-URL": location.href };
      const response = await fetch(log().dataset.url, { headers, cache: "no-store", credentials: "same-origin" });
      return { status: response.status, html: response.ok ? await response.text() : "" };
    } catch {
      return { status: 0, html: "" };
    }
  };

  // --- Events: drawn once per frame ---------------------------------------------------------------------

  let queue = [];
  let frame = 0;
  // Steps of answers that the page does not have yet: their article is on its way with another request.
  const early = new Map();

  const draw = () => {
    frame = 0;
    const steps = queue;
    queue = [];
    for (const apply of steps) apply();
    window.chatView.settle();
  };

  const onDraw = (apply) => {
    queue.push(apply);
    // A tab in the background draws no frames; it has no stream either.
    frame ||= requestAnimationFrame(draw);
  };

  const read = (receive) => (event) => {
    const data = JSON.parse(event.data);
    const messages = log();
    if (event.lastEventId) {
      const address = new URL(messages.dataset.events, location.href);
      address.searchParams.set("cursor", event.lastEventId);
      messages.dataset.events = address.pathname + address.search;
    }
    receive(data);
  };

  const step = (data) => {
    const article = byId(`message-${data.message}`);
    if (article) return window.chatView.grow(article, data);
    if (!early.has(data.message)) later(2000, () => refresh());
    early.set(data.message, [...(early.get(data.message) ?? []), data]);
    return undefined;
  };

  const drawEarly = () => {
    for (const [id, steps] of early) {
      const article = byId(`message-${id}`);
      if (!article) continue;
      early.delete(id);
      for (const data of steps) window.chatView.grow(article, data);
    }
  };

  const tree = ({ revision }) => {
    if (revision > Number(log().dataset.revision)) later(120, () => refresh(revision));
  };

  // The branch changed. Where this page did it, the answer to its own request is about to bring it.
  const refresh = async (revision = Infinity) => {
    const mine = era;
    if (document.querySelector("#composer.htmx-request, [data-asks].htmx-request")) {
      return later(150, () => refresh(revision));
    }
    if (revision !== Infinity && revision <= Number(log().dataset.revision)) return undefined;
    const answer = await fetchMessages();
    if (mine === era && answer.html) reconcile(answer.html, {});
    return undefined;
  };

  const reconcile = (html, { takeCursor = false }) => {
    window.chatView.replaceBranch(html, { takeCursor });
    drawEarly();
    window.chatView.settle();
    document.dispatchEvent(new CustomEvent("chat:answers"));
  };

  const title = ({ conversation, title: text }) => {
    const row = byId(`row-${conversation}`);
    if (row) {
      row.querySelector(".row-title").textContent = text;
      row.querySelector("summary").setAttribute("aria-label", `Actions for ${text}`);
    }
    const heading = document.querySelector(`#title-${CSS.escape(conversation)} .conversation-title`);
    if (!heading) return;
    heading.textContent = text;
    document.title = `${text} · ChainHub Chat`;
  };

  const end = ({ reason }) => {
    stop();
    if (reason === "signed-out") signIn();
    else if (reason === "gone") leave();
    else later(FIRST_WAIT, start);
  };

  const RECEIVERS = {
    step: read((data) => onDraw(() => step(data))),
    message: read((data) =>
      onDraw(() => {
        early.delete(data.message);
        window.chatView.finish(data);
        document.dispatchEvent(new CustomEvent("chat:answers"));
      })),
    tree: read(tree),
    title: read(title),
    end: read(end),
  };

  // --- When it begins and ends -------------------------------------------------------------------------------

  let shown = null;

  // Another #messages stands in the page: it brings its own address and cursor.
  const attach = () => {
    if (log() === shown) return;
    shown = log();
    early.clear();
    failures = 0;
    start();
  };

  document.addEventListener("DOMContentLoaded", attach);
  document.addEventListener("chat:page", attach);
  document.addEventListener("htmx:finally:swap", () => {
    attach();
    drawEarly();
  });
  document.addEventListener("chat:sent", ({ detail }) => {
    const messages = log();
    if (messages && detail.revision > Number(messages.dataset.revision)) messages.dataset.revision = detail.revision;
    drawEarly();
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
  addEventListener("pagehide", stop);
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) start();
  });
  addEventListener("online", () => {
    if (!source && !document.hidden) start();
  });
}
