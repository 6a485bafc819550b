/** Files that hooks print to instead of tsrun's pipe, as podman asks for with crun's annotations. */
import type { State } from "../../../runtime-spec/state.ts";
import { CWD, close, openat } from "../../kernel/calls.ts";
import { O_APPEND, O_CREAT, O_NOCTTY, O_WRONLY } from "../../kernel/constants.ts";
import { errnoWords } from "../../kernel/errno.ts";
import { attempt, here } from "../../kernel/here.ts";
import { fail } from "../../kernel/user-error.ts";
import { isAbsolute, join } from "../../linux/paths.ts";

export const HOOK_STREAM_ANNOTATIONS = ["run.oci.hooks.stdout", "run.oci.hooks.stderr"] as const;

/** The files of a hook's standard output and error, opened to append; null where none is asked for. */
export class HookStreams {
  private readonly files: readonly (number | null)[];

  /** @throws UserError */
  constructor({ annotations = {}, bundle }: Pick<State, "annotations" | "bundle">) {
    const files: (number | null)[] = [];
    this.files = files;
    try {
      for (const name of HOOK_STREAM_ANNOTATIONS) files.push(openFile(name, annotations[name], bundle));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The descriptors of output and error: `pipe` where there is no file. */
  or(pipe: number): [number, number] {
    const [output, error] = this.files;
    return [output ?? pipe, error ?? pipe];
  }

  close(): void {
    for (const file of this.files) if (file !== null) here(close(file));
  }
}

function openFile(name: string, path: string | undefined, bundle: string): number | null {
  if (path === undefined) return null;
  const file = isAbsolute(path) ? path : join(bundle, path);
  const fd = attempt(openat(CWD, file, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, 0o600));
  if (fd < 0) fail(`annotations["${name}"]`, `cannot open ${file}: ${errnoWords(-fd)}`);
  return fd;
}
