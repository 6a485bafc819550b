// A module of its own: walking over the names makes the bundler keep them as an object, which `run` must not load.
export * from "../constants.ts";
export * from "../landlock.ts";
export * from "../seccomp.ts";
export * from "../terminal.ts";
