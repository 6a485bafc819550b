import { version } from "../../../package.json";

/** The version of tsrun, from package.json. */
export const VERSION = version;
