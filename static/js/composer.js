"use strict";
// The composer: keys, size, drafts, Send and Stop, the line. Works by delegation, so a swapped composer needs no set-up.
{
  const UNFINISHED = "#messages .answer:is([data-state=queued], [data-state=running], [data-state=waiting])";
  const onPhone = matchMedia("(hover: none) and (pointer: coarse)");
  const sizesItself = CSS.supports("field-sizing", "content");

  const form = () => document.getElementById("composer");
  const box = () => document.querySelector(".composer-text");
  const token = () => document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? "";
  // The text that is on its way, and what was typed since: it goes on in the next composer.
  let sentText = null;
  let typedSince = "";

  // --- Drafts: the server keeps what is typed; nothing of it stays in the browser --------------------

  const SAVE_AFTER = 600;
  // More than this a request that outlives its page may not carry.
  const LAST_WORDS = 60_000;
  let saving = 0;
  let isSaving = "";
  // What the server has, by composer.
  const savedAs = new WeakMap();

  const draftOf = (composer) => {
    const draft = new URLSearchParams();
    for (const name of ["text", "model", "ask_once", "known", "send_id", "author"]) {
      draft.set(name, composer.elements.namedItem(name)?.value ?? "");
    }
    for (const input of composer.querySelectorAll("[data-drafts] [name=attachments]")) {
      draft.append("attachments", input.value);
    }
    return draft;
  };

  const printOf = (composer) => {
    const draft = draftOf(composer);
    const text = draft.get("text");
    const ids = draft.getAll("attachments");
    return JSON.stringify([text, ids, ...(text || ids.length ? [draft.get("model"), draft.get("ask_once")] : [])]);
  };

  const isSaved = (composer) => savedAs.get(composer) === printOf(composer);
  const isOnItsWay = () => form()?.classList.contains("htmx-request");

  const showOther = (composer, other) => {
    const notice = composer.querySelector("[data-draft-other]");
    notice.querySelector("template").content.replaceChildren(other);
    notice.hidden = !other;
  };

  const saveLater = () => {
    clearTimeout(saving);
    saving = setTimeout(save, SAVE_AFTER);
  };

  const post = async (composer, { isLeaving = false, forget = false } = {}) => {
    const print = printOf(composer);
    const body = draftOf(composer);
    if (forget) body.set("forget_other", "on");
    isSaving = print;
    const answer = await fetch(composer.dataset.draft, {
      method: "POST", body, headers: { "X-CSRFToken": token() }, credentials: "same-origin",
      keepalive: isLeaving && body.toString().length < LAST_WORDS,
    }).catch(() => null);
    isSaving = "";
    if (!answer?.ok) return;
    const kept = answer.status === 204 ? null : await answer.json();
    composer.elements.namedItem("known").value = kept ? kept.revision : answer.headers.get("Draft-Revision");
    savedAs.set(composer, print);
    showOther(composer, kept?.other ?? "");
  };

  const save = async (isLeaving = false) => {
    clearTimeout(saving);
    const composer = form();
    if (!composer || isSaved(composer) || isSaving === printOf(composer)) return;
    // What is being sent leaves the draft by itself.
    if (isLeaving !== true && (isSaving || isOnItsWay())) return saveLater();
    await post(composer, { isLeaving: isLeaving === true });
    // Written on meanwhile.
    if (isLeaving !== true && composer === form() && savedAs.has(composer) && !isSaved(composer)) saveLater();
  };

  // What another tab or device has written since, where nothing here would be lost.
  const catchUp = async () => {
    const composer = form();
    if (!composer || !isSaved(composer) || isOnItsWay()) return;
    const before = printOf(composer);
    const answer = await fetch(composer.dataset.draft, { cache: "no-store" }).catch(() => null);
    if (!answer?.ok) return;
    const kept = await answer.json();
    const known = composer.elements.namedItem("known");
    if (composer !== form() || printOf(composer) !== before || String(kept.revision) === known.value) return;
    known.value = kept.revision;
    box().value = kept.text;
    composer.querySelector("[data-drafts]").innerHTML = kept.attachments;
    document.dispatchEvent(new CustomEvent("chat:once", { detail: kept.once }));
    savedAs.set(composer, printOf(composer));
    showOther(composer, kept.other);
    update();
  };

  const takeOther = async (composer) => {
    const other = composer.querySelector("[data-draft-other] template").content.textContent;
    await post(composer);
    box().value = other;
    // With no revision of its own the text that stood here becomes the other one: back and forth, nothing is lost.
    composer.elements.namedItem("known").value = "";
    update();
    await post(composer);
    box().focus();
  };

  document.addEventListener("click", ({ target }) => {
    const action = target.closest?.("[data-action]")?.dataset.action;
    if (action === "take-draft") takeOther(form());
    if (action === "drop-draft") post(form(), { forget: true });
  });

  // Nobody is signed in any more: away from the page only where nothing typed would go with it.
  document.addEventListener("chat:signed-out", (event) => {
    const composer = form();
    if (!composer || !box().value.trim() || isSaved(composer)) return;
    event.preventDefault();
    const sentence = Object.assign(document.createElement("p"), { className: "form-error" });
    const link = Object.assign(document.createElement("a"), {
      href: document.body.dataset.login, target: "_blank", textContent: "Sign in again",
    });
    sentence.append("You are signed out. ", link, " in another tab, or send this: it is kept for you until you have.");
    composer.querySelector(".composer-errors").replaceChildren(sentence);
  });

  // --- What the buttons say -----------------------------------------------------------------------

  const size = () => {
    const text = box();
    if (!text || sizesItself) return;
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight + 2}px`;
  };

  const countTools = () => {
    const menu = form()?.querySelector(".tools-menu");
    if (!menu) return;
    const count = menu.querySelectorAll("input:checked").length;
    const badge = menu.querySelector("[data-tools-count]");
    badge.textContent = String(count);
    badge.hidden = !count;
    menu.querySelector("summary").setAttribute("aria-label", count ? `Tools, ${count} on` : "Tools");
  };

  // --- Compare: up to three models more than the chosen one --------------------------------------------

  const MOST_MORE = 3;

  // Of very many models the page has one list, the picker's: this one is made from it when it is opened.
  const fillChoices = (group) => {
    if (group.querySelector("[type=checkbox][name=compare]")) return;
    const filter = Object.assign(document.createElement("input"), { type: "search", className: "compare-filter", placeholder: "Find a model" });
    filter.setAttribute("aria-label", "Find a model");
    const rows = [...(form()?.elements.namedItem("model")?.options ?? [])].map((option) => {
      const row = Object.assign(document.createElement("label"), { className: "compare-choice" });
      const choice = Object.assign(document.createElement("input"), { type: "checkbox", name: "compare", value: option.value });
      const words = Object.assign(document.createElement("span"), { textContent: option.textContent });
      row.append(choice, words);
      return row;
    });
    filter.addEventListener("input", () => {
      const wanted = filter.value.trim().toLowerCase();
      for (const row of rows) row.hidden = !`${row.textContent} ${row.firstChild.value}`.toLowerCase().includes(wanted);
    });
    group.append(filter, ...rows);
  };

  const limitChoices = (group) => {
    if (!group) return;
    const chosen = group.closest("#composer")?.elements.namedItem("model")?.value;
    const choices = [...group.querySelectorAll("[type=checkbox][name=compare]")];
    for (const choice of choices) if (choice.value === chosen) choice.checked = false;
    const count = choices.filter((choice) => choice.checked).length;
    for (const choice of choices) {
      choice.disabled = choice.value === chosen || (count >= MOST_MORE && !choice.checked);
    }
    const summary = group.closest(".compare-menu")?.querySelector("summary");
    if (!summary) return;
    const badge = summary.querySelector("[data-compare-count]");
    badge.textContent = String(count);
    badge.hidden = !count;
    summary.setAttribute("aria-label", count ? `Compare with ${count} more` : "Compare");
  };

  const prepareChoices = (root) => {
    const group = root.querySelector("[data-compare-choices]");
    if (!group) return;
    fillChoices(group);
    limitChoices(group);
  };

  document.addEventListener("toggle", ({ target }) => {
    if (target.matches?.(".compare-menu") && target.open) prepareChoices(target);
  }, true);

  document.addEventListener("htmx:after:settle", () => prepareChoices(document.getElementById("dialog-body")));

  const update = () => {
    const composer = form();
    if (!composer) return;
    const send = composer.querySelector("[data-send]");
    const stop = composer.querySelector("[data-stop]");
    const answer = [...document.querySelectorAll(UNFINISHED)].at(-1);
    const hasContent = box().value.trim() !== "" || composer.querySelector("[data-drafts] [name=attachments]");
    send.disabled = !hasContent || composer.hasAttribute("data-uploading") || !composer.elements.namedItem("model");
    const hadFocus = document.activeElement === send || document.activeElement === stop;
    if (answer) {
      // Of answers side by side all are stopped; each has a button of its own beside that.
      const address = (answer.closest(".comparison") ?? answer).dataset.stop;
      stop.setAttribute("hx-post", address);
      stop.setAttribute("formaction", address);
    }
    send.hidden = Boolean(answer) && !hasContent;
    send.title = answer ? "Send when the answer has ended" : "";
    stop.hidden = !answer;
    if (hadFocus && document.activeElement === document.body) box().focus({ preventScroll: true });
    size();
    countTools();
    limitChoices(composer.querySelector("[data-compare-choices]"));
    chips.observe(composer.querySelector("[data-drafts]"), { childList: true, subtree: true });
  };

  const send = () => {
    const button = form()?.querySelector("[data-send]");
    if (button && !button.disabled && !button.hidden) form().requestSubmit(button);
  };

  document.addEventListener("keydown", (event) => {
    if (!event.target.matches?.(".composer-text") || event.key !== "Enter") return;
    // The Enter that ends the choice of a character is not ours (229: Safari says it after the composition).
    if (event.isComposing || event.keyCode === 229 || event.shiftKey || event.altKey) return;
    if (onPhone.matches && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    send();
  });

  document.addEventListener("input", ({ target }) => {
    if (!target.matches?.(".composer-text")) return;
    saveLater();
    update();
  });

  document.addEventListener("change", ({ target }) => {
    if (target.matches?.("#composer [name=model]")) saveLater();
    if (target.matches?.("#composer [name=model], [name=compare]")) {
      limitChoices((target.closest("[data-compare-choices]") ?? form()?.querySelector("[data-compare-choices]")));
    }
    if (target.matches?.("#composer .tools-menu input")) countTools();
  });

  // Enter in a checkbox would send the message.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches?.("#composer :is(.tools-menu, .compare-menu) input")) return;
    event.preventDefault();
    event.target.click();
  });

  // attachments.js tells when files are on their way; a chip that came or went is seen by itself.
  document.addEventListener("attachments:busy", update);
  document.addEventListener("attachments:idle", update);
  const chips = new MutationObserver(() => {
    update();
    saveLater();
  });

  document.addEventListener("chat:fill", ({ detail }) => {
    const text = box();
    if (!text) return;
    text.value = detail.text;
    text.dispatchEvent(new Event("input", { bubbles: true }));
    text.focus();
    text.setSelectionRange(text.value.length, text.value.length);
  });

  // --- Sending --------------------------------------------------------------------------------------

  document.addEventListener("submit", (event) => {
    if (event.target.id !== "composer") return;
    const button = form().querySelector("[data-send]");
    // Stop asks for itself.
    if (!button.disabled && !button.hidden && !event.submitter?.matches("[data-stop]")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);

  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    const source = ctx.sourceElement;
    // Stop needs nothing of what is being written.
    if (source.matches("[data-stop]")) ctx.request.body = new FormData();
    if (source.id !== "composer") return;
    sentText = box().value;
    clearTimeout(saving);
    form().querySelector(".composer-errors").replaceChildren();
  });

  document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
    if (ctx.sourceElement.id !== "composer" || ctx.response.status >= 300) return;
    const text = box();
    // Whatever was typed while the send was on its way stays.
    typedSince = text.value.startsWith(sentText) ? text.value.slice(sentText.length) : text.value;
    text.value = "";
    sentText = null;
    ctx.wasSent = true;
  });

  document.addEventListener("htmx:finally:swap", ({ detail: { ctx } }) => {
    if (ctx.wasSent) {
      if (typedSince && box() && !box().value) box().value = typedSince;
      typedSince = "";
      const { revision } = form()?.dataset ?? {};
      document.dispatchEvent(new CustomEvent("chat:sent", { detail: { revision: Number(revision ?? 0) } }));
    }
    begin();
  });

  // Nothing was swapped: the text and the send id are still there, so sending again is the same send.
  document.addEventListener("chat:not-sent", ({ target, detail }) => {
    const retry = Object.assign(document.createElement("button"), {
      type: "button", className: "button", textContent: "Retry",
    });
    retry.addEventListener("click", send);
    const sentence = Object.assign(document.createElement("p"), { className: "form-error" });
    const words = document.createElement("span");
    words.textContent = `Not sent. ${detail.text}`;
    sentence.append(words, retry);
    target.querySelector(".composer-errors").replaceChildren(sentence);
  });

  // --- The line: drawn anew with every change, by whomever; an open editor goes on in the new one ------

  const giveBack = (text) => {
    const words = box();
    if (!words) return;
    words.value = words.value.trim() ? `${words.value}\n\n${text}` : text;
    words.dispatchEvent(new Event("input", { bubbles: true }));
  };

  // Returns what brings the focus back.
  const carryOver = (fresh, saved = null) => {
    const focused = document.activeElement;
    const isTyping = focused.matches("#line textarea");
    const row = focused.closest("#line .waiting")?.id;
    for (const editor of document.querySelectorAll("#line .waiting-edit[open]")) {
      const place = editor.closest(".waiting");
      const text = editor.querySelector("textarea");
      const same = fresh.querySelector(`#${CSS.escape(place.id)} .waiting-edit`);
      if (place === saved) continue;
      if (same) {
        same.open = true;
        same.querySelector("textarea").value = text.value;
      } else if (text.value !== text.defaultValue) {
        giveBack(text.value);
      }
    }
    if (!row) return () => {};
    const { selectionStart, selectionEnd } = focused;
    return () => {
      if (focused.isConnected) return;
      const now = document.getElementById(row);
      const button = focused.id && document.getElementById(focused.id);
      const place = isTyping ? now?.querySelector("textarea") : button && !button.disabled ? button : now?.querySelector("summary");
      (place ?? box())?.focus({ preventScroll: true });
      if (isTyping && place) place.setSelectionRange(selectionStart, selectionEnd);
    };
  };

  let refocus = () => {};

  document.addEventListener("htmx:before:swap", ({ detail: { ctx, tasks } }) => {
    for (const { fragment } of tasks ?? []) {
      const fresh = fragment?.querySelector?.("#line");
      if (fresh) refocus = carryOver(fresh, ctx.sourceElement.closest?.(".waiting-editor") && ctx.sourceElement.closest(".waiting"));
    }
  });

  document.addEventListener("htmx:finally:swap", () => {
    refocus();
    refocus = () => {};
  });

  document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
    if (ctx.sourceElement.matches("[data-undoes]") && ctx.response.status < 300) {
      setTimeout(() => ctx.sourceElement.closest(".toast")?.remove());
    }
  });

  const drawLine = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    const fresh = template.content.querySelector("#line");
    const line = document.getElementById("line");
    if (!fresh || !line || fresh.dataset.url !== line.dataset.url) return;
    const bringBack = carryOver(fresh);
    fresh.removeAttribute("hx-swap-oob");
    line.replaceWith(fresh);
    htmx.process(fresh);
    bringBack();
  };

  document.addEventListener("chat:branch", ({ detail: { html } }) => drawLine(html));

  // The answer that the line waits for has ended: whether the line goes on or stands, the server says.
  document.addEventListener("chat:answers", async () => {
    const { waitsFor, url } = document.getElementById("line")?.dataset ?? {};
    if (!waitsFor || document.getElementById(waitsFor)?.matches(UNFINISHED)) return;
    delete document.getElementById("line").dataset.waitsFor;
    const answer = await fetch(url, { headers: { "HX-Request": "true" }, cache: "no-store" }).catch(() => null);
    if (answer?.ok) drawLine(await answer.text());
  });

  // --- When it begins and ends -------------------------------------------------------------------------

  // A composer that is new on the page: what it was drawn with, the server has.
  const begin = () => {
    const composer = form();
    if (composer && !savedAs.has(composer)) {
      const isEmpty = !box().value && !composer.querySelector("[data-drafts] [name=attachments]");
      const isAsDrawn = isEmpty ? composer.elements.namedItem("known").value === "0" : box().value === box().defaultValue;
      savedAs.set(composer, isAsDrawn ? printOf(composer) : "");
      if (!isAsDrawn) saveLater();
    }
    update();
  };

  const leave = () => save(true);

  document.addEventListener("chat:page", begin);
  document.addEventListener("chat:answers", update);
  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : catchUp()));
  addEventListener("pagehide", leave);
  addEventListener("pageshow", ({ persisted }) => (persisted ? catchUp() : begin()));
  document.addEventListener("DOMContentLoaded", begin);
}
