/** Pods as a graph for Graphviz: boxes are containers, ellipses the namespaces that the same of them share. */
import { HOST, KINDS, type Member, type Pod, shares } from "../../container/pods/pods.ts";
import { oneLine } from "../output/log.ts";
import { commandText, sizeText, statusText, timeText } from "./words.ts";

const COMMAND_WIDTH = 40;

export function dotOf(pods: readonly Pod[]): string {
  return [
    "graph pods {",
    "  rankdir=LR;",
    '  graph [fontname="Helvetica", style=rounded, color=gray];',
    '  node [fontname="Helvetica", shape=box, style=rounded];',
    "  edge [color=gray];",
    ...pods.flatMap(cluster),
    "}",
    "",
  ].join("\n");
}

function cluster(pod: Pod, index: number): readonly string[] {
  const { name, sandbox, members } = pod;
  const nodes = new Map(members.map((member, place) => [member, `c${index}_${place}`] as const));
  const lines = [...nodes].map(([member, node]) => `${node} [label=${label(member, pod)}];`);
  if (sandbox === null) return lines.map((line) => `  ${line}`);
  return [
    `  subgraph cluster_${index} {`,
    `    label=${quoted([`pod ${name}`])};`,
    ...[...lines, ...sharedIn(index, nodes)].map((line) => `    ${line}`),
    "  }",
  ];
}

/** A node for the namespaces that the same containers have, and what joins it to these. */
function sharedIn(index: number, nodes: ReadonlyMap<Member, string>): readonly string[] {
  const types = new Map<string, string[]>();
  for (const { file, type } of KINDS)
    for (const one of nodes.keys()) {
      const having = [...nodes].flatMap(([other, node]) => (shares(one, other, file) ? [node] : []));
      const isFirst = having[0] === nodes.get(one); // once for all of them
      if (having.length > 1 && isFirst) types.set(having.join(), [...(types.get(having.join()) ?? []), type]);
    }
  return [...types].flatMap(([having, shared], count) => {
    const node = `ns${index}_${count}`;
    return [
      `${node} [label=${quoted(shared)}, shape=ellipse, style=filled, fillcolor="#e8eef8"];`,
      ...having.split(",").map((member) => `${member} -- ${node};`),
    ];
  });
}

function label(member: Member, { sandbox, name }: Pod): string {
  const host = KINDS.filter(({ file }) => file !== "time" && file !== "user" && member.has[file] === HOST);
  return quoted([
    member.name || (member === sandbox && name !== member.id ? "sandbox" : member.id),
    commandText(member.command, COMMAND_WIDTH),
    [
      statusText(member),
      ...(member.uptime === null ? [] : [timeText(member.uptime), sizeText(member.memory)]),
    ].join(", "),
    ...(host.length > 0 ? [`the host's ${host.map(({ type }) => type).join(", ")}`] : []),
  ]);
}

/** Lines in a string of the DOT language, where only quotes and backslashes mean something. */
function quoted(lines: readonly string[]): string {
  return `"${lines.map((line) => oneLine(line).replaceAll("\\", "\\\\").replaceAll('"', '\\"')).join("\\n")}"`;
}
