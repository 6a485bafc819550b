import { features as knownFeatures } from "../../container/features.ts";
import { print } from "../output.ts";
import { VERSION } from "./version.ts";

/** `tsrun features`: what tsrun can do, as JSON. */
export function features(): number {
  print(`${JSON.stringify(knownFeatures(VERSION), null, 2)}\n`);
  return 0;
}
