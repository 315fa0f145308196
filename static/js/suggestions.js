// What the composer offers while one types: prompts after a slash at the start of a line, assistants and models
// after an at-sign. A module that page.js loads when the first such sign is typed.
//
// The text keeps the focus, and its role: aria-activedescendant says which option Enter or Tab would take.

const TRIGGERS = [
  { sign: "/", pattern: /(?:^|\n)\/([^\n]{0,60})$/, source: "prompts", words: ["prompt", "prompts"] },
  { sign: "@", pattern: /(?:^|[\s(])@([^\s@]{0,60})$/, source: "mentions", words: ["to ask", "to ask"] },
];
const WAIT = 150;

const make = (tag, properties) => Object.assign(document.createElement(tag), properties);
const say = (text) => document.dispatchEvent(new CustomEvent("chat:toast", { detail: { text } }));

// What is open: { box, trigger, start, query, popup, list, active }. What Esc closed stays closed until it is gone.
let open = null;
let dismissed = "";
let asking = 0;
let latest = 0;

const status = document.body.appendChild(make("div", { className: "visually-hidden" }));
status.setAttribute("role", "status");
status.setAttribute("aria-label", "Suggestions");

// --- What is asked for ----------------------------------------------------------------------------------

const find = (box) => {
  if (box.selectionStart !== box.selectionEnd) return null;
  const before = box.value.slice(0, box.selectionStart);
  for (const trigger of TRIGGERS) {
    const found = trigger.pattern.exec(before);
    if (found) return { trigger, query: found[1], start: before.length - found[1].length - 1 };
  }
  return null;
};

const close = () => {
  clearTimeout(asking);
  latest += 1;
  if (!open) return;
  const { box, popup } = open;
  open = null;
  popup.remove();
  status.textContent = "";
  for (const name of ["aria-activedescendant", "aria-controls", "aria-autocomplete", "aria-haspopup"]) {
    box.removeAttribute(name);
  }
};

const fetched = async (address) => {
  const answer = await fetch(address, { cache: "no-store" }).catch(() => null);
  if (answer?.ok) return answer.text();
  if (answer?.status === 401) document.dispatchEvent(new CustomEvent("chat:signed-out", { cancelable: true }));
  else if (answer?.status === 404) say("This prompt is gone, or not shared with you any more.");
  else say("The list could not be loaded. Try again in a moment.");
  return null;
};

export const look = (box) => {
  const found = find(box);
  const place = found ? `${found.trigger.sign}${found.start}` : "";
  if (dismissed !== place) dismissed = "";
  if (!found || dismissed) return close();
  if (open && (!open.popup.isConnected || open.box !== box || open.place !== place)) close();
  // All there is is here: what is typed only narrows it down.
  if (open && !open.hasMore) return show(found.query);
  clearTimeout(asking);
  const mine = (latest += 1);
  asking = setTimeout(async () => {
    const address = new URL(box.form.dataset[found.trigger.source], location.href);
    // A whole list is asked for without words, then narrowed down here; a long one is narrowed down there.
    const isNarrowed = Boolean(open);
    if (isNarrowed) address.searchParams.set("q", found.query);
    const html = await fetched(address);
    if (mine !== latest || html === null) return;
    begin(box, found.trigger, place, html, isNarrowed);
    const now = find(box);
    if (!now) return close();
    show(now.query);
    // Words that were typed before a long list came: it holds only the first of what they may mean.
    if (open?.hasMore && !isNarrowed && now.query) look(box);
  }, open ? WAIT : 0);
};

// --- The list --------------------------------------------------------------------------------------------

const begin = (box, trigger, place, html, isNarrowed) => {
  const template = make("template", { innerHTML: html });
  const list = template.content.querySelector("[role=listbox]");
  const popup = open?.popup ?? make("div", { className: "suggestions" });
  popup.replaceChildren(list);
  box.closest(".composer-box").append(popup);
  open = { box, trigger, place, popup, list, hasMore: isNarrowed || "more" in list.dataset, active: null };
  box.setAttribute("aria-autocomplete", "list");
  box.setAttribute("aria-haspopup", "listbox");
  box.setAttribute("aria-controls", list.id);
};

const shown = () => [...open.list.querySelectorAll("[role=option]:not([hidden])")];

const mark = (option) => {
  open.active?.setAttribute("aria-selected", "false");
  open.active = option;
  option.setAttribute("aria-selected", "true");
  open.box.setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
};

const show = (query) => {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  for (const option of open.list.querySelectorAll("[role=option]")) {
    const text = option.textContent.toLowerCase();
    option.hidden = !words.every((word) => text.includes(word));
  }
  // Names with a word that begins so come first.
  const begins = (option) => words.every((word) =>
    ` ${option.querySelector(".suggestion-name").textContent.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ")}`.includes(` ${word}`));
  const options = shown().sort((one, other) => begins(other) - begins(one));
  open.list.prepend(...options);
  open.popup.hidden = !options.length;
  if (!options.length) {
    status.textContent = "";
    open.active = null;
    open.box.removeAttribute("aria-activedescendant");
    // With a whole list there is nothing more to come; the next sign opens it anew.
    if (!open.hasMore && query) close();
    return;
  }
  const [one, many] = open.trigger.words;
  status.textContent = `${options.length} ${options.length === 1 ? one : many}`;
  mark(options.find((option) => option === open.active) ?? options[0]);
};

// --- Choosing --------------------------------------------------------------------------------------------

// Puts `text` where the sign and the words after it stand, or at the caret where they are gone meanwhile.
const insert = (box, { start, end, typed }, text) => {
  if (box.value.slice(start, end) === typed) box.setRangeText(text, start, end, "end");
  else box.setRangeText(text, box.selectionStart, box.selectionEnd, "end");
  box.focus();
  box.dispatchEvent(new Event("input", { bubbles: true }));
};

const usePrompt = async (option, box, place) => {
  const html = await fetched(option.dataset.use);
  if (html === null || !box.isConnected) return;
  const template = make("template", { innerHTML: html });
  const form = template.content.querySelector("[data-fills]");
  const fill = () => {
    const pieces = form.querySelector("template").content.querySelectorAll("[data-variable]");
    const text = [...pieces].map((piece) => {
      const field = form.querySelector(`[data-fill="${piece.dataset.variable}"]`);
      return field?.value || piece.textContent;
    });
    insert(box, place, text.join(""));
  };
  if (!form.querySelector("[data-fill]")) return fill();
  const dialog = document.getElementById("dialog");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopPropagation();
    const body = form.closest("#dialog-body");
    form.remove();
    dialog.close();
    body?.replaceChildren();
    fill();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || !event.target.matches("[data-fill]")) return;
    if (matchMedia("(hover: none) and (pointer: coarse)").matches) return;
    event.preventDefault();
    form.requestSubmit();
  });
  document.getElementById("dialog-body").replaceChildren(form);
  dialog.showModal();
};

const askOnce = (option, box, place) => {
  const { key, name } = option.dataset;
  document.dispatchEvent(new CustomEvent("chat:once", { detail: { key, name } }));
  insert(box, place, "");
  status.textContent = `${name} answers this once`;
};

const choose = (option) => {
  const { box, trigger } = open;
  const found = find(box);
  const start = found?.start ?? box.selectionStart;
  const place = { start, end: box.selectionStart, typed: box.value.slice(start, box.selectionStart) };
  close();
  if (trigger.sign === "/") usePrompt(option, box, place);
  else askOnce(option, box, place);
};

// --- What people do --------------------------------------------------------------------------------------

document.addEventListener("input", (event) => {
  if (event.target.matches?.(".composer-text") && !event.isComposing) look(event.target);
});

// The caret went elsewhere.
document.addEventListener("selectionchange", () => {
  if (!open || document.activeElement !== open.box) return;
  const found = find(open.box);
  if (!found || `${found.trigger.sign}${found.start}` !== open.place) close();
});

document.addEventListener("focusout", ({ target }) => {
  if (open?.box === target) close();
});

// A list that went with its composer.
document.addEventListener("htmx:finally:swap", close);

// In the capture phase: while a list is open, Enter chooses and does not send, Esc closes only the list.
document.addEventListener("keydown", (event) => {
  if (!open || event.target !== open.box || event.isComposing || event.keyCode === 229) return;
  if (!open.popup.isConnected) return close();
  const options = open.popup.hidden ? [] : shown();
  if (!options.length || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  const at = options.indexOf(open.active);
  if (event.key === "ArrowDown") mark(options[(at + 1) % options.length]);
  else if (event.key === "ArrowUp") mark(options.at(at - 1));
  else if (event.key === "Enter" || event.key === "Tab") choose(open.active ?? options[0]);
  else if (event.key === "Escape") {
    dismissed = open.place;
    close();
  } else return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);

document.addEventListener("pointerdown", (event) => {
  // The text keeps the focus.
  if (open?.popup.contains(event.target)) event.preventDefault();
});

document.addEventListener("click", ({ target }) => {
  const option = open?.popup.contains(target) && target.closest("[role=option]");
  if (option) choose(option);
});
