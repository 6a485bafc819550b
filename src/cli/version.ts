import { version } from "../../package.json";

/** The version of tsrun, from package.json. */
export const VERSION = version;

/** Put in by bundle.ts; not there when tsrun isn't compiled. */
declare const TSRUN_COMMIT: string | undefined;

/** The commit that this tsrun was built from, with `-dirty` after it if files were changed; empty if that isn't known. */
export const COMMIT = typeof TSRUN_COMMIT === "string" ? TSRUN_COMMIT : "";
