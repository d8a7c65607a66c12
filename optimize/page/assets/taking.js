// Taking a placement along: as files, text, a picture, a link, or on paper.

import { ant, brainsight, link, localite, matsimnibs, save } from "./files.js";

const byId = (name) => document.getElementById(name);

export class Taking {
  constructor(model, plan, stage, controls) {
    Object.assign(this, { model, plan, stage, controls });
    this.generator = document.querySelector("meta[name=generator]").content;
    for (const each of document.querySelectorAll("[data-save]")) {
      each.addEventListener("click", () => this.take(each.dataset.save));
    }
    byId("link").addEventListener("click", () => this.copyLink());
    byId("print").addEventListener("click", () => window.print());
    const button = document.querySelector("[data-save=ant]");
    if (model.data.image !== null) return;
    button.disabled = true;
    button.title = "ANT's file says where the T1 lies, and this head has none";
  }

  text() {
    const names = ["Where", "How turned", "How strong", "How sure", "Against today's rule"];
    const lines = Object.values(this.controls.words).map(([a, b], i) => `${names[i]}: ${a} (${b})`);
    const { rate, pose } = this.plan.now;
    const { source, solved } = this.model.data.head;
    return [
      `${document.title} — for research use only`,
      ...lines,
      "",
      "Coil to head, mm (as SimNIBS has it; save it as pose.txt to verify):",
      matsimnibs(pose),
      `tmsgrad simulate ${source} --coil ${this.controls.coil.source} --pose pose.txt --didt ${(rate / 1e6).toFixed(4)} ${solved} --out verified`,
      location.href.split("#")[0] + link(this.plan.now),
      "",
    ].join("\n");
  }

  // A file's name and content, by the button's name.
  file(kind) {
    const { pose } = this.plan.now;
    const { generator } = this;
    const { coil } = this.controls;
    const { image } = this.model.data;
    return {
      matsimnibs: () => ["pose.txt", matsimnibs(pose)],
      brainsight: () => ["brainsight.txt", brainsight(pose, "tmsgrad", generator)],
      localite: () => ["localite.xml", localite(pose, "tmsgrad")],
      ant: () => ["ant.mrk", ant(pose, "tmsgrad", coil.name, image, generator)],
      text: () => ["placement.txt", this.text()],
    }[kind]();
  }

  take(kind) {
    if (kind === "picture") {
      this.stage.canvas.toBlob((blob) => save("placement.png", blob));
      byId("taken").textContent = "placement.png was saved";
      return;
    }
    const [name, content] = this.file(kind);
    save(name, content);
    byId("taken").textContent = `${name} was saved`;
  }

  async copyLink() {
    history.replaceState(null, "", link(this.plan.now));
    try {
      await navigator.clipboard.writeText(location.href);
      byId("taken").textContent = "The link was copied; it stands in the address as well.";
    } catch {
      byId("taken").textContent = "The address now holds the placement: copy it from there.";
    }
  }
}
