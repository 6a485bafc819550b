/** The commands that make processes, in one piece: every module that is loaded on its own costs start-up time. */
export { create } from "./create.ts";
export { exec } from "./exec.ts";
export { run } from "./run.ts";
