// Begin: read the data, and show the placement of the link or the best one.

import { Controls } from "./controls.js";
import { Live } from "./live.js";
import { Model } from "./model.js";
import { Plan } from "./plan.js";
import { Regions } from "./regions.js";
import { Stage } from "./view.js";
import { Taking } from "./taking.js";
import { fromLink } from "./files.js";

function begin() {
  const model = new Model(JSON.parse(document.getElementById("data").textContent));
  const coil = model.coils[0];
  const { pose } = coil.best;
  const best = { coil: 0, pose, distance: model.face(coil, pose), rate: model.data.didt };
  const plan = new Plan({ ...best, ...fromLink(location.hash, model.coils) });
  const stage = new Stage(document.getElementById("stage"), model, plan);
  const controls = new Controls(model, plan, stage);
  const regions = new Regions(model, plan, stage);
  const taking = new Taking(model, plan, stage, controls);
  window.addEventListener("hashchange", () => {
    const linked = fromLink(location.hash, model.coils);
    if (linked) plan.show(linked);
  });
  plan.tell();
  stage.lookAtCoil();
  const live = model.data.live ? new Live(model, plan, stage) : null;
  // For whoever embeds the page, and for its tests.
  window.tmsgrad = { model, plan, stage, controls, regions, taking, live };
}

try {
  begin();
} catch (error) {
  const failed = document.getElementById("failed");
  failed.hidden = false;
  failed.textContent = `The page cannot be shown: ${error.message}.`;
  throw error;
}
