/** The commands that make processes, and what serves these, loaded as one piece: each separate piece costs start-up time. */
export { Foreground, HeldSignals } from "../container/foreground/foreground.ts";
export { create } from "./commands/create.ts";
export { exec } from "./commands/exec.ts";
export { run } from "./commands/run.ts";
