/** Which test types the commands that a page of docs/ shows, and how their output is compared. */
import { relative, resolve } from "node:path";
import * as assert from "uvu/assert";
import { below, type Section, shapeOf } from "./shown.ts";

/**
 * The chapters that each test file types, in this order: all that have console blocks, each once. What no test can type
 * is indented on its page.
 */
export const TYPISTS: Readonly<Record<string, readonly (readonly [page: string, ...headings: string[]])[]>> =
  {
    "test/integration/tutorial.test.ts": [
      [
        "tutorial.md",
        "A container by hand",
        "Namespaces, one by one",
        "A cable",
        "The network dies with the process",
        "Pause holds it",
        "A workload may crash",
        "Init containers",
        "Zombies",
        "Pause as process 1",
        "An image",
        "A look inside",
        "The end of the pod",
      ],
    ],
    "test/integration/pages/pages.test.ts": [
      [
        "by-hand.md",
        "A config.json without an editor",
        "In the background",
        "What runs, and what has stopped",
        "From docker and podman",
      ],
      ["pods.md", "Pods: who shares what with whom", "Why did it stop?"],
      [
        "images.md",
        "`tsrun unpack`: from an image to a bundle",
        "Which image",
        "What becomes of the image's configuration",
        "What it defends",
      ],
      [
        "answers.md",
        "May it make this system call? `tsrun seccomp`",
        "What if this step fails? `--fault`",
        "Does this container really have what its config.json says? `tsrun verify`",
        "How do I get a shell in an image that has none? `tsrun exec --tools`",
        "How do I mount something in a container that already runs? `tsrun mounts`",
      ],
      ["trace.md", "What is in it", "A part of a longer trace"],
      ["errors.md", "The command line"],
    ],
    "test/callers/ctr-run.test.ts": [["callers/containerd.md", "With `ctr`"]],
    "test/callers/docker.test.ts": [["callers/docker.md", "Try it"]],
    "test/callers/podman.test.ts": [["callers/podman.md", "Try it"]],
    "test/kubernetes/page.test.ts": [
      ["kubernetes.md", "A node"],
      ["tutorial.md", "The same on a kubelet"],
      ["kubernetes.md", "A pod", "What to look at", "When a pod does not start", "Back again"],
    ],
  };

const PROJECT = resolve(import.meta.dir, "../..");

/** What the test file at this path types. */
export function chaptersOf(path: string): readonly Section[] {
  const own = TYPISTS[relative(PROJECT, path)] ?? [];
  return own.flatMap(([page, ...headings]) => headings.map((heading) => below(page, heading)));
}

/** Types a chapter; throws at the first command that prints something else than the page shows. */
export async function typeChapter(
  { shown }: Section,
  typed: (command: string) => Promise<string> | string,
): Promise<void> {
  for (const { command, output } of shown) assert.is(shapeOf(await typed(command)), shapeOf(output), command);
}
