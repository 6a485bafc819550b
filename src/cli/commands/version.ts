import { OCI_VERSION } from "../../../runtime-spec/state.ts";
import { readText } from "../../kernel/files.ts";
import { UserError } from "../../kernel/user-error.ts";
import { libraryVersion } from "../../linux/seccomp/libseccomp.ts";
import { print } from "../output/output.ts";
import type { Session } from "../session/session.ts";
import { COMMIT, VERSION } from "../version.ts";

/**
 * `tsrun --version`: the version, and what a report of a bug should tell besides. Callers read the first lines, which are
 * in runc's form: dockerd takes the last line with "version" in it for the version, so no other line may have that word.
 */
export function version(session: Session): number {
  const lines = [
    `tsrun version ${VERSION}`,
    ...(COMMIT === "" ? [] : [`commit: ${COMMIT}`]),
    `spec: ${OCI_VERSION}`,
    `bun: ${Bun.version}`,
    `libseccomp: ${libseccomp()}`,
    `kernel: ${readText("/proc/sys/kernel/osrelease").trim()}`,
  ];
  print(session, lines.map((line) => `${line}\n`).join(""));
  return 0;
}

function libseccomp(): string {
  try {
    return libraryVersion();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return `none: ${error.problem}`;
  }
}
