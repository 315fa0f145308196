"use strict";
// The live stream of the page, of its conversation and of the sidebar's list: one EventSource while the tab is
// seen, resumed from its cursor. The page is only a viewer: what is missed is drawn from what is stored.
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
    // The composer says no while it holds what nobody could keep.
    if (!document.dispatchEvent(new CustomEvent("chat:signed-out", { cancelable: true }))) return stop();
    const here = encodeURIComponent(location.pathname);
    return location.assign(`${document.body.dataset.login}?next=${here}`);
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
    if (document.hidden) watch();
    else open();
  };

  const address = () => {
    const url = new URL(log()?.dataset.events ?? document.body.dataset.listEvents, location.href);
    url.searchParams.set("list", byId("sidebar-rows").dataset.version);
    return url;
  };

  const open = () => {
    source?.close();
    const now = (source = new EventSource(address()));
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
    const answer = await fetchState();
    if (mine !== era) return;
    if (answer.status === 401) return signIn();
    if (answer.status === 404 && log()) return leave();
    if (!answer.html) {
      failures += 1;
      setBanner("Connection lost. Trying again…");
      later(Math.min(FIRST_WAIT * 2 ** (failures - 1), LONGEST_WAIT), () => recover(true));
      return;
    }
    setBanner("");
    redraw(answer.html);
    failures += 1;
    if (wasOpen) later(Math.min(200 * 2 ** (failures - 1), LONGEST_WAIT), open);
    else poll(mine);
  };

  // There are too many streams, or something on the way lets none through: look again and again instead.
  const poll = (mine) => {
    const now = (round += 1);
    later(failures > 1 ? TRY_STREAM_EVERY : POLL_EVERY, open);
    const look = async () => {
      const answer = await fetchState();
      if (mine !== era || now !== round || source) return;
      if (!answer.html) return recover(false);
      redraw(answer.html);
      later(log() ? POLL_EVERY : LONGEST_WAIT, look);
    };
    later(POLL_EVERY, look);
  };

  // The shown branch, or on a page without one the sidebar's list.
  const fetchState = async () => {
    try {
      const headers = { "HX-Request": "true", "HX-Current-URL": location.href };
      let { url } = (log() ?? byId("sidebar-rows")).dataset;
      // Opened further up, and read on to the end since then.
      if (!byId("later")) url = url.replace(/\?m=.*/, "");
      const response = await fetch(url, { headers, cache: "no-store", credentials: "same-origin" });
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
  const MOST_EARLY = 500;

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
    if (messages && event.lastEventId) {
      const address = new URL(messages.dataset.events, location.href);
      address.searchParams.set("cursor", event.lastEventId);
      messages.dataset.events = address.pathname + address.search;
    }
    receive(data);
  };

  const step = (data) => {
    const article = byId(`message-${data.message}`);
    if (article) return window.chatView.grow(article, data);
    // A page that has another part of the branch gets the answer when it is read on to there.
    if (!early.has(data.message) && !byId("later")) later(2000, () => refresh());
    early.set(data.message, [...(early.get(data.message) ?? []), data].slice(-MOST_EARLY));
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
    const answer = await fetchState();
    if (mine === era && answer.html && log()) reconcile(answer.html, {});
    return undefined;
  };

  const redraw = (html) => {
    if (log()) reconcile(html, { takeCursor: true });
    else document.dispatchEvent(new CustomEvent("chat:list", { detail: { html } }));
  };

  const reconcile = (html, { takeCursor = false }) => {
    window.chatView.replaceBranch(html, { takeCursor });
    document.dispatchEvent(new CustomEvent("chat:branch", { detail: { html } }));
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
    list: read((data) => document.dispatchEvent(new CustomEvent("chat:list", { detail: data }))),
    end: read(end),
  };

  // --- A tab that nobody sees: no stream; while its answer is made, it asks now and then -----------------

  const LOOK_EVERY = 15_000;
  const LONG = 20;
  const NEWS = /^\(1\) /;
  const RUNS = ".answer:is([data-state=queued], [data-state=running], [data-state=waiting])";

  // `stop` clears the timer, as all others.
  const watch = () => {
    if (log()?.querySelector(RUNS)) timers.push(setTimeout(lookUnseen, LOOK_EVERY));
  };

  const lookUnseen = async () => {
    const mine = era;
    const answer = await fetch(log().dataset.news, { cache: "no-store" }).catch(() => null);
    if (mine !== era || answer?.status === 401 || answer?.status === 404) return;
    const news = answer?.ok ? await answer.json() : { is_running: true };
    if (mine !== era) return;
    if (news.is_running) watch();
    else if (news.is_unread) tell(news);
  };

  const tell = ({ title: text, seconds }) => {
    document.title = `(1) ${document.title.replace(NEWS, "")}`;
    if (!("notify" in document.body.dataset) || seconds <= LONG) return;
    if (!window.Notification || Notification.permission !== "granted") return;
    // Two tabs of one conversation say it once.
    const notice = new Notification(text, { tag: log().dataset.conversation });
    notice.onclick = () => {
      window.focus();
      notice.close();
    };
  };

  // --- When it begins and ends -------------------------------------------------------------------------------

  let shown;

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
    // Sent in the moment in which the tab was left.
    if (document.hidden) start();
  });
  document.addEventListener("chat:sent", ({ detail }) => {
    const messages = log();
    if (messages && detail.revision > Number(messages.dataset.revision)) messages.dataset.revision = detail.revision;
    drawEarly();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) document.title = document.title.replace(NEWS, "");
    start();
  });
  addEventListener("pagehide", stop);
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) start();
  });
  addEventListener("online", () => {
    if (!source && !document.hidden) start();
  });
}
