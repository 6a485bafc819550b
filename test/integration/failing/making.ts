import * as assert from "uvu/assert";
import { bundle, type Patch } from "../../harness/bundle.ts";
import { uniqueId } from "../../harness/environment.ts";
import { runtime } from "../../harness/runtime.ts";
import { type Ended, failingAt } from "./runtime.ts";

/** Calls that make a container, each with a new id. What one of them has made is deleted when it has succeeded. */
export function making(verb: "create" | "run", patch: Patch, flags = (): readonly string[] => []) {
  const { path } = bundle(patch);
  return (place: string | null): Ended => {
    const id = uniqueId();
    const ended = failingAt(place, [verb, ...flags(), "--bundle", path, id]);
    if (verb === "run" && ended.status === 0) assert.is(ended.stdout, "ran\n", `${place}`);
    // The container of a `run` has done what it should when it can't be removed: then it is there, and stopped.
    const isMade = verb === "create" ? ended.status === 0 : ended.stdout !== "";
    if (isMade) runtime(["delete", "--force", id]);
    return ended;
  };
}
