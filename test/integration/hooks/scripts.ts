/** Hooks that are shell scripts, and containers that have them. */
import { chmodSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_MOUNTS, type Json, type JsonObject, type Patch } from "../../harness/bundle.ts";
import { type Container, container } from "../../harness/container.ts";
import { freshDirectory } from "../../harness/environment.ts";

export const SLEEP = ["sleep", "60"];
export const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export const KINDS = [
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
] as const;
export type Kind = (typeof KINDS)[number];

/** A hook that is a shell script. */
export function script(text: string, fields: JsonObject = {}): JsonObject {
  return { path: "/bin/sh", args: ["sh", "-c", text], env: [PATH], ...fields };
}

/** A file that hooks on the host write to, and those in the container through a bind mount on /home. */
export function notebook() {
  const directory = freshDirectory("notes");
  chmodSync(directory, 0o777);
  const file = join(directory, "notes");
  return {
    file,
    directory,
    mount: { destination: "/home", type: "bind", source: directory, options: ["bind"] },
    read: () => (existsSync(file) ? readFileSync(file, "utf8") : ""),
  };
}

type Notebook = ReturnType<typeof notebook>;

/** Where a hook of this kind finds the notebook's file. */
export const fileFor = (kind: Kind, { file }: Notebook) => (kind === "startContainer" ? "/home/notes" : file);

/** A patch whose hooks of each kind are scripts that are told the notebook's file as $NOTES. */
export function withHooks(
  notes: Notebook,
  scripts: Partial<Record<Kind, string | readonly string[]>>,
  patch: Patch = {},
): Patch {
  const hooks: Record<string, Json> = {};
  for (const kind of KINDS) {
    const env = [PATH, `NOTES=${fileFor(kind, notes)}`];
    const texts = [scripts[kind] ?? []].flat();
    if (texts.length > 0) hooks[kind] = texts.map((text) => script(text, { env }));
  }
  return { args: SLEEP, ...patch, mounts: [...DEFAULT_MOUNTS, notes.mount], hooks };
}

/** A container that goes through its whole life. */
export function live(one: Container): void {
  one.create();
  one.start();
  one.delete("--force");
}

/** What hooks of the kind find, by a script that writes to $NOTES. */
export function seenBy(kind: Kind, text: string, patch: Patch = {}): string {
  const notes = notebook();
  using one = container(withHooks(notes, { [kind]: `{ ${text}; } > $NOTES` }, patch));
  live(one);
  return notes.read();
}
