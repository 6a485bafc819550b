/** The commands that act on a container there is. */
export { remove } from "./commands/delete.ts";
export { kill } from "./commands/kill.ts";
export { list } from "./commands/list.ts";
export { start } from "./commands/start.ts";
export { state } from "./commands/state.ts";
