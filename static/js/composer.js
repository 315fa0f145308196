"use strict";
// The composer: keys, size, drafts, Send and Stop. Works by delegation, so a swapped composer needs no set-up.
{
  const UNFINISHED = "#messages .answer:is([data-state=queued], [data-state=running], [data-state=waiting])";
  const onPhone = matchMedia("(hover: none) and (pointer: coarse)");
  const sizesItself = CSS.supports("field-sizing", "content");
  const user = document.body.dataset.user;

  const form = () => document.getElementById("composer");
  const box = () => document.querySelector(".composer-text");
  let saving = 0;
  // The text that is on its way, and what was typed since: it goes on in the next composer.
  let sentText = null;
  let typedSince = "";

  // --- Drafts: kept per person and conversation, so that neither a reload nor a new sign-in loses them ---

  const key = () => `draft:${user}:${form().dataset.conversation}`;

  const save = () => {
    clearTimeout(saving);
    if (!box()) return;
    try {
      if (box().value.trim()) localStorage.setItem(key(), box().value);
      else localStorage.removeItem(key());
    } catch {
      // No room, or no storage: the text stays in the box all the same.
    }
  };

  const restore = () => {
    if (!box() || box().value) return;
    try {
      box().value = localStorage.getItem(key()) ?? "";
    } catch {
      // See save.
    }
  };

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
      stop.setAttribute("hx-post", answer.dataset.stop);
      stop.setAttribute("formaction", answer.dataset.stop);
    }
    send.hidden = Boolean(answer);
    stop.hidden = !answer;
    if (hadFocus && document.activeElement === document.body) box().focus({ preventScroll: true });
    size();
    countTools();
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
    clearTimeout(saving);
    saving = setTimeout(save, 300);
    update();
  });

  document.addEventListener("change", ({ target }) => {
    if (target.matches?.("#composer .tools-menu input")) countTools();
  });

  // Enter in a checkbox would send the message.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches?.("#composer .tools-menu input")) return;
    event.preventDefault();
    event.target.click();
  });

  // attachments.js tells when files are on their way; a chip that came or went is seen by itself.
  document.addEventListener("attachments:busy", update);
  document.addEventListener("attachments:idle", update);
  const chips = new MutationObserver(update);

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
    if (!button.disabled && !button.hidden) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);

  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    const source = ctx.sourceElement;
    // Stop needs nothing of what is being written.
    if (source.matches("[data-stop]")) ctx.request.body = new FormData();
    if (source.id !== "composer") return;
    sentText = box().value;
    form().querySelector(".composer-errors").replaceChildren();
  });

  document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
    if (ctx.sourceElement.id !== "composer" || ctx.response.status >= 300) return;
    const text = box();
    // Whatever was typed while the send was on its way stays.
    typedSince = text.value.startsWith(sentText) ? text.value.slice(sentText.length) : text.value;
    text.value = "";
    sentText = null;
    save();
    ctx.wasSent = true;
  });

  document.addEventListener("htmx:finally:swap", ({ detail: { ctx } }) => {
    if (ctx.wasSent) {
      if (typedSince && box() && !box().value) box().value = typedSince;
      typedSince = "";
      save();
      const { revision } = form()?.dataset ?? {};
      document.dispatchEvent(new CustomEvent("chat:sent", { detail: { revision: Number(revision ?? 0) } }));
    }
    update();
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

  const begin = () => {
    restore();
    update();
  };

  document.addEventListener("chat:page", begin);
  document.addEventListener("chat:answers", update);
  addEventListener("pagehide", save);
  addEventListener("pageshow", begin);
  document.addEventListener("DOMContentLoaded", begin);
}
