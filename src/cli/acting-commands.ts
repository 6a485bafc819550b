/** The commands that act on a container there is. */
export { remove } from "./delete.ts";
export { kill } from "./kill.ts";
export { list } from "./list.ts";
export { start } from "./start.ts";
export { state } from "./state.ts";
