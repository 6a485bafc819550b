/** Which pages the site has, and in which order its navigation names them. */

/** A document of the repository, and its short name. */
type Entry = readonly [source: string, label: string];

/** The page that is made of the table of commands and not of a file. */
export const COMMAND_LINE = "docs/command-line.md";

export const CONTENTS: readonly (readonly [group: string, entries: readonly Entry[]])[] = [
  [
    "Start",
    [
      ["README.md", "tsrun"],
      ["docs/tutorial.md", "Tutorial: the pause container"],
      ["docs/by-hand.md", "By hand"],
      ["docs/images.md", "Images"],
      ["docs/packages.md", "Packages"],
      ["docs/comparison.md", "Beside runc and crun"],
    ],
  ],
  [
    "Who calls it",
    [
      ["docs/kubernetes.md", "Kubernetes"],
      ["docs/callers.md", "All callers"],
      ["docs/callers/containerd.md", "containerd"],
      ["docs/callers/cri-o.md", "CRI-O"],
      ["docs/callers/podman.md", "podman"],
      ["docs/callers/docker.md", "docker"],
      ["docs/serve.md", "The server"],
    ],
  ],
  [
    "What it shows",
    [
      ["docs/pods.md", "Pods"],
      ["docs/trace.md", "Timelines"],
      ["docs/answers.md", "Answers"],
      ["docs/check.md", "What a machine can do"],
      ["docs/errors.md", "Errors"],
    ],
  ],
  [
    "Reference",
    [
      [COMMAND_LINE, "Command line"],
      ["docs/mounts.md", "Mount options"],
      ["docs/checkpoint.md", "Checkpoints"],
      ["docs/inherited.md", "What is inherited"],
      ["docs/spec-conformance.md", "Conformance"],
      ["docs/kernel-features.md", "Kernels"],
    ],
  ],
  [
    "Inside",
    [
      ["docs/architecture.md", "Architecture"],
      ["docs/security.md", "What it defends"],
      ["docs/testing.md", "Tests"],
      ["rootfs/README.md", "Examples"],
      ["CONTRIBUTING.md", "Contributing"],
      ["SECURITY.md", "Reporting vulnerabilities"],
      ["CHANGELOG.md", "Changes"],
    ],
  ],
];

/** Where a document's page is: `docs/pods.md` in pods.html, `SECURITY.md` in security-policy.html. */
export function pageOf(source: string): string {
  const named: Readonly<Record<string, string>> = {
    "README.md": "index",
    "rootfs/README.md": "examples",
    "SECURITY.md": "security-policy",
  };
  const name = named[source] ?? source.replace(/^docs\/|\.md$/g, "").toLowerCase();
  return `${name}.html`;
}

/** The groups, of the documents that there are; those that no group names come last. */
export function contentsOf(sources: readonly string[]): typeof CONTENTS {
  const named = CONTENTS.flatMap(([, entries]) => entries.map(([source]) => source));
  const others = sources.filter((source) => !named.includes(source));
  return [
    ...CONTENTS.map(
      ([group, entries]) => [group, entries.filter(([source]) => sources.includes(source))] as const,
    ),
    ...(others.length > 0
      ? [["More", others.map((source) => [source, pageOf(source).replace(".html", "")] as const)] as const]
      : []),
  ];
}
