// A module of its own: what walks over the names must not make the constants an object where `run` loads them.
export * from "../constants.ts";
export * from "../seccomp.ts";
export * from "../terminal.ts";
