"use strict";
(() => {
  // seconds: stems closer than this sound as one; stems further apart are moved together; the step of an arrow key
  const SYNC_TOLERANCE = 0.012, JUMP_FROM = 0.25, STEP = 5;
  const minutes = (s) => Math.floor(s / 60) + ":" + String(Math.floor(s % 60)).padStart(2, "0");
  let playing = null;                          // the player that plays; only one recording plays at a time

  class Player {
    constructor(card) {
      this.card = card;
      this.length = Number(card.dataset.seconds);
      this.button = card.querySelector(".play");
      this.seek = card.querySelector(".seek");
      this.now = card.querySelector(".now");
      this.stems = [...card.querySelectorAll("audio")].map((audio) => this.stem(audio));
      if (!this.stems.length) return;
      this.button.hidden = this.seek.hidden = false;
      this.button.addEventListener("click", () => this.toggle());
      this.seek.addEventListener("input", () => this.go(Number(this.seek.value)));
      this.seek.addEventListener("keydown", (event) => this.key(event));
      this.show();
    }

    stem(audio) {
      const row = audio.closest(".stem");
      const stem = { audio, row, done: row.querySelector(".done"), solo: row.querySelector(".solo"), mute: row.querySelector(".mute"), failed: false };
      audio.controls = false;
      audio.hidden = true;
      row.querySelector(".buttons").hidden = false;
      for (const toggle of [stem.solo, stem.mute]) {
        toggle.addEventListener("click", () => {
          toggle.setAttribute("aria-pressed", String(toggle.getAttribute("aria-pressed") !== "true"));
          this.mix();
        });
      }
      audio.addEventListener("error", () => this.fail(stem));
      audio.addEventListener("ended", () => { if (stem === this.lead) this.stop(0); });
      const wave = row.querySelector(".wave");
      if (wave) {
        wave.addEventListener("click", (event) => {
          const box = wave.getBoundingClientRect();
          this.go(this.length * Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
        });
      }
      return stem;
    }

    get playable() { return this.stems.filter((stem) => !stem.failed); }
    get lead() { return this.playable[0]; }
    get position() { return this.at ?? (this.lead ? this.lead.audio.currentTime : 0); }

    toggle() { if (playing === this) this.stop(); else this.play(); }

    async play() {
      if (playing) playing.stop();
      const start = this.position;
      playing = this;
      this.button.setAttribute("aria-pressed", "true");
      this.button.setAttribute("aria-label", "Pause");
      await Promise.all(this.playable.map((stem) => this.ready(stem.audio)));
      if (playing !== this) return;
      const from = this.at ?? start;
      for (const { audio } of this.playable) if (audio.currentTime !== from) audio.currentTime = from;
      await Promise.all(this.playable.map((stem) => this.ready(stem.audio)));
      this.at = null;
      if (playing !== this) return;
      if (!this.lead) { this.stop(); return; }
      this.mix();
      try { await Promise.all(this.playable.map(({ audio }) => audio.play())); } catch { if (playing === this) this.stop(); return; }
      this.follow();
    }

    /* Resolves when the stem can play from its position, or has failed. */
    ready(audio) {
      if (audio.readyState >= 3 && !audio.seeking) return Promise.resolve();
      if (audio.readyState === 0) audio.load();
      return new Promise((resolve) => {
        for (const event of ["canplay", "seeked", "error"]) audio.addEventListener(event, resolve, { once: true });
      });
    }

    stop(position) {
      for (const { audio } of this.stems) { audio.pause(); audio.playbackRate = 1; }
      if (playing === this) playing = null;
      this.button.setAttribute("aria-pressed", "false");
      this.button.setAttribute("aria-label", "Play");
      if (position !== undefined) this.go(position); else this.show();
    }

    go(seconds) {
      this.at = Math.min(Math.max(0, seconds), this.length);
      const loaded = this.playable.filter(({ audio }) => audio.readyState > 0);
      for (const { audio } of loaded) audio.currentTime = this.at;
      if (loaded.length === this.playable.length && playing === this) this.at = null;
      this.show();
    }

    key(event) {
      const to = { ArrowLeft: -STEP, ArrowDown: -STEP, ArrowRight: STEP, ArrowUp: STEP }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      this.go(this.position + to);
    }

    /* Keeps the stems together: each audio element has its own clock, so a stem that is ahead plays a little slower. */
    follow() {
      if (playing !== this) return;
      const lead = this.lead.audio;
      for (const { audio } of this.playable.slice(1)) {
        const ahead = audio.currentTime - lead.currentTime;
        if (Math.abs(ahead) > JUMP_FROM && !audio.seeking && !lead.seeking) audio.currentTime = lead.currentTime;
        audio.preservesPitch = false;
        audio.playbackRate = Math.abs(ahead) > SYNC_TOLERANCE ? 1 - Math.sign(ahead) * Math.min(0.03, Math.abs(ahead)) : 1;
      }
      this.show();
      requestAnimationFrame(() => this.follow());
    }

    show() {
      const at = this.position, share = this.length ? Math.min(1, at / this.length) : 0;
      this.seek.value = String(at);
      this.seek.setAttribute("aria-valuetext", minutes(at) + " of " + minutes(this.length));
      this.now.textContent = minutes(at);
      for (const { done } of this.stems) if (done) done.setAttribute("width", String(share * {{ waveform_size.WIDTH }}));
    }

    mix() {
      const on = (button) => button.getAttribute("aria-pressed") === "true";
      const solo = this.stems.some((stem) => on(stem.solo));
      for (const stem of this.stems) {
        stem.audio.muted = on(stem.mute) || (solo && !on(stem.solo));
        stem.row.classList.toggle("silent", stem.audio.muted);
      }
    }

    fail(stem) {
      stem.failed = true;
      const fault = this.card.querySelector(".fault");
      const names = this.stems.filter(({ failed }) => failed).map(({ row }) => row.querySelector(".name").textContent);
      fault.textContent = "This browser cannot play " + names.join(" and ") + "; open the file with another program.";
      fault.hidden = false;
      if (playing === this && !this.lead) this.stop();
    }
  }

  for (const card of document.querySelectorAll(".player")) new Player(card);
  const filter = document.getElementById("filter");
  if (filter) {
    filter.addEventListener("input", () => {
      const wanted = filter.value.trim().toLocaleLowerCase();
      for (const card of document.querySelectorAll(".player")) {
        card.hidden = !card.querySelector("h3").textContent.toLocaleLowerCase().includes(wanted);
      }
    });
  }
})();
