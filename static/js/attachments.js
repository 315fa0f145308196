"use strict";
// Pictures for a message: picked, pasted, dropped, or named by their address.
//
// Each file goes up by itself as soon as it is there, one after the other, and becomes a draft: a chip with
// a hidden input in the composer. Everything hangs on the document, so a swapped composer needs no new start.
// The composer is form[data-upload][data-attach-address]; in it: input[data-files], [data-drafts], and buttons
// with data-action="attach" and "attach-address". While files are on their way the form carries
// data-uploading; "attachments:busy" and "attachments:idle" tell of the change.
{
  const waiting = [];
  let running = null;
  let wasBusy = false;

  const composer = () => document.querySelector("form[data-upload]");
  const within = (selector) => composer()?.querySelector(selector);

  // --- Small parts --------------------------------------------------------------------------------

  function make(tag, properties = {}, children = []) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  function button(words, label, press) {
    const made = make("button", { type: "button", className: "draft-button", textContent: words });
    made.setAttribute("aria-label", label);
    made.addEventListener("click", press);
    return made;
  }

  function announce(sentence) {
    let status = document.getElementById("attachments-status");
    if (!status) {
      status = make("div", { id: "attachments-status", className: "visually-hidden" });
      status.setAttribute("role", "status");
      status.setAttribute("aria-label", "Attachments");
      document.body.append(status);
    }
    status.textContent = sentence;
  }

  function csrfToken() {
    const cookie = document.cookie.split("; ").find((pair) => pair.startsWith("csrftoken="));
    return cookie ? cookie.slice("csrftoken=".length) : (within("[name=csrfmiddlewaretoken]")?.value ?? "");
  }

  function signIn() {
    if (!document.dispatchEvent(new CustomEvent("chat:signed-out", { cancelable: true }))) return;
    const login = document.body.dataset.login ?? "/login/";
    window.location.assign(`${login}?${new URLSearchParams({ next: window.location.pathname })}`);
  }

  // What an answer other than "here it is" says to the person.
  function sentenceOf(status, body) {
    if (status === 422) return body;
    if (status === 403) return "This page is out of date. Reload it, and attach the picture again.";
    if (status === 413) return "This file is too large for the server.";
    return "The server could not take this picture.";
  }

  function tellWhetherBusy() {
    const isBusy = running !== null || waiting.length > 0;
    const form = composer();
    form?.toggleAttribute("data-uploading", isBusy);
    if (isBusy === wasBusy) return;
    wasBusy = isBusy;
    const name = isBusy ? "attachments:busy" : "attachments:idle";
    (form ?? document).dispatchEvent(new CustomEvent(name, { bubbles: true }));
  }

  // --- One file -----------------------------------------------------------------------------------

  function refusalBeforehand(file) {
    const { accept, dataset } = within("[data-files]");
    if (file.type && accept && !accept.split(",").includes(file.type)) {
      return "This is no picture that can be attached. PNG, JPEG, WebP and GIF can.";
    }
    const most = Number(dataset.maxBytes);
    if (most && file.size > most) {
      return `This file is too large. A picture may have at most ${most / 1_000_000} MB.`;
    }
    return "";
  }

  function add(files) {
    const drafts = within("[data-drafts]");
    if (!drafts) return;
    for (const file of files) {
      const upload = { file, chip: make("li"), request: null };
      drafts.append(upload.chip);
      const refusal = refusalBeforehand(file);
      if (refusal) {
        showRefused(upload, refusal);
      } else {
        queue(upload);
      }
    }
    goOn();
  }

  function queue(upload) {
    showWaiting(upload);
    waiting.push(upload);
    tellWhetherBusy();
  }

  function goOn() {
    while (!running && waiting.length) {
      const upload = waiting.shift();
      // A composer that was swapped away took its chips with it.
      if (upload.chip.isConnected) send(upload);
    }
    tellWhetherBusy();
  }

  function send(upload) {
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append("file", upload.file, upload.file.name);
    running = upload;
    upload.request = request;
    request.open("POST", composer().dataset.upload);
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.upload.addEventListener("progress", (event) => showProgress(upload, event));
    request.addEventListener("load", () => finish(upload));
    request.addEventListener("error", () => showBroken(upload));
    request.addEventListener("loadend", () => {
      running = null;
      goOn();
    });
    request.send(body);
  }

  function finish(upload) {
    const { status, responseText } = upload.request;
    if (status === 201) {
      showDraft(upload.chip, responseText);
      announce(`${upload.file.name} is attached.`);
    } else if (status === 401) {
      signIn();
    } else {
      showRefused(upload, sentenceOf(status, responseText));
    }
  }

  function cancel(upload) {
    const place = waiting.indexOf(upload);
    if (place >= 0) waiting.splice(place, 1);
    takeAway(upload.chip);
    upload.request?.abort();
    tellWhetherBusy();
  }

  // --- What a chip shows --------------------------------------------------------------------------

  function chip(className, ...children) {
    return make("div", { className: `draft ${className}` }, children);
  }

  function words(name, note) {
    const shown = [make("span", { className: "draft-name", textContent: name }), " "];
    return make("span", { className: "draft-words" }, [...shown, note]);
  }

  function showWaiting(upload) {
    const { name } = upload.file;
    const progress = make("progress", { className: "draft-progress", max: 1, value: 0 });
    progress.setAttribute("aria-label", `Upload of ${name}`);
    const stop = button("Cancel", `Cancel ${name}`, () => cancel(upload));
    upload.chip.replaceChildren(chip("is-uploading", words(name, progress), stop));
  }

  function showProgress(upload, event) {
    if (!upload.chip.isConnected) {
      upload.request.abort();
      return;
    }
    const progress = upload.chip.querySelector("progress");
    if (!progress || !event.lengthComputable) return;
    if (event.loaded < event.total) {
      progress.value = event.loaded / event.total;
    } else {
      progress.removeAttribute("value"); // all is sent; the server is at work
    }
  }

  function showDraft(place, html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    place.replaceChildren(template.content);
  }

  function showRefused(upload, sentence, ...buttons) {
    const { name } = upload.file;
    const note = make("span", { className: "draft-error", textContent: sentence });
    const dismiss = button("Dismiss", `Dismiss ${name}`, () => takeAway(upload.chip));
    upload.chip.replaceChildren(chip("is-refused", words(name, note), ...buttons, dismiss));
    announce(`${name}: ${sentence}`);
  }

  function showBroken(upload) {
    const again = button("Try again", `Try ${upload.file.name} again`, () => {
      queue(upload);
      goOn();
    });
    showRefused(upload, "The connection broke before this picture had arrived.", again);
  }

  // Remove a chip, and leave the keyboard where it can go on.
  function takeAway(place) {
    const hadFocus = place.contains(document.activeElement);
    const next = place.nextElementSibling ?? place.previousElementSibling;
    place.remove();
    if (hadFocus) (next?.querySelector("button") ?? within("[data-action=attach]"))?.focus();
  }

  async function remove(pressed) {
    const { address } = pressed.dataset;
    takeAway(pressed.closest("li") ?? pressed.closest("[data-draft]"));
    // Whatever the answer is: without its chip it will not be sent, and a draft of no use is tidied up.
    const headers = { "X-CSRFToken": csrfToken() };
    const answer = await fetch(address, { method: "POST", headers }).catch(() => null);
    if (answer?.status === 401) signIn();
  }

  // --- By address ---------------------------------------------------------------------------------

  function addressDialog() {
    const field = make("input", { id: "picture-address", type: "text", inputMode: "url", autocomplete: "off" });
    const label = make("label", { htmlFor: "picture-address", textContent: "Picture address" });
    const hint = "The model fetches it from there. Here it never loads by itself.";
    const problem = make("p", { className: "form-error", hidden: true });
    problem.setAttribute("role", "alert");
    const close = make("button", { type: "button", className: "button", textContent: "Cancel" });
    const submit = make("button", { type: "submit", className: "button primary", textContent: "Add picture" });
    const form = make("form", { className: "stack", noValidate: true }, [
      make("h2", { id: "picture-address-title", className: "dialog-title", textContent: "Add picture by address" }),
      make("div", { className: "field" }, [label, field, make("p", { className: "hint", textContent: hint })]),
      problem,
      make("div", { className: "dialog-actions" }, [close, submit]),
    ]);
    const dialog = make("dialog", { className: "dialog" }, [form]);
    dialog.setAttribute("aria-labelledby", "picture-address-title");
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      submit.disabled = true;
      const sentence = await attachAddress(field.value);
      submit.disabled = false;
      problem.hidden = !sentence;
      problem.textContent = sentence;
      if (sentence) field.focus();
      else dialog.close();
    });
    document.body.append(dialog);
    dialog.showModal();
  }

  // Returns the sentence of a refusal, or nothing.
  async function attachAddress(url) {
    const target = composer();
    const options = { method: "POST", headers: { "X-CSRFToken": csrfToken() }, body: new URLSearchParams({ url }) };
    const answer = await fetch(target.dataset.attachAddress, options).catch(() => null);
    if (!answer) return "The connection broke. Try again.";
    if (answer.status === 401) signIn();
    const body = await answer.text();
    if (answer.status !== 201) return sentenceOf(answer.status, body);
    const place = make("li");
    showDraft(place, body);
    within("[data-drafts]")?.append(place);
    announce("The picture is attached.");
    return "";
  }

  // --- Where pictures come from -------------------------------------------------------------------

  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("[data-action]");
    if (!pressed) return;
    if (pressed.dataset.action === "attach") within("[data-files]")?.click();
    if (pressed.dataset.action === "attach-address" && composer()) addressDialog();
    if (pressed.dataset.action === "remove-attachment") remove(pressed);
  });

  document.addEventListener("change", (event) => {
    if (!event.target.matches("form[data-upload] [data-files]")) return;
    const files = [...event.target.files];
    event.target.value = ""; // the same file may be picked again
    add(files);
  });

  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    // A spreadsheet puts a picture of its cells beside their text: the text is meant.
    if (!files.length || event.clipboardData.getData("text/plain") || !composer()) return;
    event.preventDefault();
    add(files);
  });

  let overlay = null;
  let hide = 0;
  let isOurOwn = false; // a picture of this page that is dragged about

  const bringsFiles = (event) => !isOurOwn && [...(event.dataTransfer?.types ?? [])].includes("Files");

  function showOverlay() {
    overlay ??= make("div", { className: "drop-overlay" }, [make("p", { textContent: "Drop pictures to attach them" })]);
    overlay.setAttribute("aria-hidden", "true");
    if (!overlay.isConnected) document.body.append(overlay);
    // "dragleave" comes for every element on the way; "dragover" stops coming only at the end.
    clearTimeout(hide);
    hide = setTimeout(() => overlay.remove(), 200);
  }

  document.addEventListener("dragstart", () => {
    isOurOwn = true;
  });
  document.addEventListener("dragend", () => {
    isOurOwn = false;
  });
  document.addEventListener("dragover", (event) => {
    if (!bringsFiles(event)) return;
    // Without this the browser would leave the page for the file.
    event.preventDefault();
    event.dataTransfer.dropEffect = composer() ? "copy" : "none";
    if (composer()) showOverlay();
  });
  document.addEventListener("drop", (event) => {
    if (!bringsFiles(event)) return;
    event.preventDefault();
    overlay?.remove();
    add([...event.dataTransfer.files]);
  });
}
