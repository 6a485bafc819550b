/** What the chapters of pages find where their commands are typed. */
import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { project } from "../../harness/environment.ts";
import { asDirectory, imageOf, layout } from "../../harness/images.ts";
import { file, tar } from "../../harness/tar.ts";
import { config } from "../seccomp/answers.ts";

const BUSYBOX = "build/rootfs/busybox";

/** A bundle with what `spec` writes for a command, changed by jq. */
const bundle = (path: string, command: string, change = ".", rootfs = BUSYBOX) =>
  `mkdir -p ${path} && rm -f ${path}/config.json
tsrun spec --bundle ${path} --rootfs ${rootfs} --no-terminal -- ${command}
jq '${change}' ${path}/config.json >changed.json && mv changed.json ${path}/config.json`;

const started = (id: string, path = id) =>
  `tsrun run --detach --output ${id}.log --pid-file ${id}.pid --bundle ${path} ${id}`;

/** Prints where its caller does, having no --output. */
const SANDBOX = "tsrun run --detach --bundle build/bundles/sandbox pod >/dev/null 2>&1";

const member = (id: string, command: string) =>
  `mkdir -p pods/${id} && tsrun spec --sandbox pod --bundle pods/${id} --rootfs ${BUSYBOX} -- ${command}`;

/** The pod of two pages: web and debug have one PID namespace. */
const POD = `${member("web", "httpd -f -p 127.0.0.1:8080 -h /www")}
${started("web", "pods/web")}
${member("probe", "sh -c 'exit 3'")}
tsrun run --keep --bundle pods/probe probe
${member("debug", "sleep 1000")}
sed -i "s|\\"type\\": \\"pid\\"|&, \\"path\\": \\"/proc/$(cat web.pid)/ns/pid\\"|" pods/debug/config.json
${started("debug", "pods/debug")}`;

/** A container, and what somebody changes of it. */
const CHANGED = `${bundle(
  "web",
  `sh -c "cd /tmp; exec sleep 1000"`,
  '.process.oomScoreAdj = 300 | .linux.resources.unified = { "cgroup.max.descendants": "7" }',
)}
${started("web")}
echo 500 >/proc/$(cat web.pid)/oom_score_adj
nsenter --target $(cat web.pid) --mount --pid sh -c '
  mount -o remount,nosuid,nodev,exec /dev/shm && mount -t tmpfs tmpfs /home && umount /proc/keys'
echo '{ "unified": { "cgroup.max.descendants": "9" } }' | tsrun update --resources - web`;

/** An image of busybox and another layer, tagged 1. */
function image(directory: string, name: string, Cmd: readonly string[]): void {
  const archives = [readFileSync(join(project, `${BUSYBOX}.tar`)), tar([file("etc/motd", "")])];
  const layers = archives.map((archive) => ({ archive }));
  renameSync(asDirectory(layout([{ layers, config: { Cmd }, tag: "1" }])), join(directory, name));
}

/** By heading: commands, which print nothing, or what no command makes. */
export const BEFORE: Readonly<Record<string, string | ((directory: string) => void)>> = {
  "In the background": SANDBOX,
  "What runs, and what has stopped": POD,
  "Pods: who shares what with whom": `${SANDBOX}
${POD}
${bundle("db", "sleep 2000")}
${started("db")}`,
  "`tsrun unpack`: from an image to a bundle": (directory) => {
    image(directory, "box", ["echo", "hello"]);
    image(directory, "nginx", ["sleep", "1000"]);
    const [below, above] = [file("etc/motd", ""), file("../../etc/cron.d/x", "")];
    renameSync(imageOf([below], [above]), join(directory, "evil"));
  },
  "What becomes of the image's configuration": SANDBOX,
  "What it defends": "rm -r /srv/box",
  "May it make this system call? `tsrun seccomp`": `mkdir web docker
cp ${config("workload-ctd17")} web/config.json
cp ${config("docker-run")} docker/config.json`,
  "What if this step fails? `--fault`": bundle("web", "true"),
  "Does this container really have what its config.json says? `tsrun verify`": CHANGED,
  "How do I get a shell in an image that has none? `tsrun exec --tools`": `tsrun delete --force web
${bundle("web", "/pause", ".", "build/rootfs/pause")}
${started("web")}`,
  "How do I mount something in a container that already runs? `tsrun mounts`": `tsrun delete --force web
mkdir /srv/data && echo hello >/srv/data/index.html
echo '[{ "destination": "/data", "type": "bind", "source": "/srv/data", "options": ["rbind", "ro"] }]' >data.json
cp -r ${BUSYBOX} web/rootfs && mkdir web/rootfs/data
${bundle("web", "sleep 1000", ".", "web/rootfs")}
${started("web")}`,
  "What is in it": bundle(
    "/srv/web",
    "true",
    '.mounts += [{ destination: "/cache", type: "tmpfs", source: "tmpfs", options: ["szie=1m"] }]',
  ),
  "A part of a longer trace": bundle("/srv/web", "true"),
};
