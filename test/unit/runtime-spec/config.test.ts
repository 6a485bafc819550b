import { test } from "uvu";
import { accepts, config, refuses, warns, withNamespaces } from "./claims.ts";

const without = (name: string) => config({ [name]: null });
const mounts = (...list: unknown[]) => config({ mounts: list });
const hook = (hook: unknown) => config({ hooks: { poststop: [hook] } });

accepts("the smallest config", config());
accepts("a config without a process", without("process"));
refuses("a config that is no object", [], " must be an object, found []");
refuses("a config without its required parts", {}, "ociVersion is required", "root is required");
refuses("a root without a path", config({ root: { path: "" } }), 'root.path must not be empty, found ""');

for (const ociVersion of ["1.0.0", "1.0.2-dev", "1.2.1", "1.3.0+dev", "1.9.0-rc.1"]) {
  accepts(`version ${ociVersion}`, config({ ociVersion }));
}
for (const ociVersion of ["1.0", "v1.0.0", "1.0.0-", "01.0.0", "latest"]) {
  refuses(
    `a version that is not SemVer: ${ociVersion}`,
    config({ ociVersion }),
    `ociVersion must be a version in SemVer form like "1.3.0", found "${ociVersion}"`,
  );
}
for (const ociVersion of ["0.5.0-dev", "2.0.0", "10.0.0"]) {
  refuses(
    `a version of another major: ${ociVersion}`,
    config({ ociVersion }),
    `ociVersion must be a version 1.x of the runtime-spec, found "${ociVersion}"`,
  );
}

accepts("host and domain name", config({ hostname: "h".repeat(64), domainname: "example.org" }));
refuses(
  "a host name longer than the kernel's",
  config({ hostname: "h".repeat(65) }),
  `hostname must not be longer than 64 bytes, found "${"h".repeat(56)}...`,
);
refuses(
  "host and domain name without a uts namespace",
  config({ hostname: "a", domainname: "b", linux: { namespaces: [{ type: "mount" }] } }),
  'hostname needs { "type": "uts" } in linux.namespaces',
  'domainname needs { "type": "uts" } in linux.namespaces',
);
accepts("annotations", config({ annotations: { "org.example/a b": "", x: "1" } }));
refuses(
  "annotations without a name or with a number",
  config({ annotations: { "": "x", n: 5 } }),
  'annotations[""] must not be empty, found ""',
  "annotations.n must be a string, found 5",
);

accepts(
  "all kinds of mounts",
  mounts(
    { destination: "/proc", type: "proc", source: "proc" },
    { destination: "/data", type: "none", source: "/srv", options: ["rbind", "ro"] },
    { destination: "/tmp", type: "tmpfs", options: null },
  ),
);
warns(
  "a relative destination",
  mounts({ destination: "data", type: "tmpfs" }),
  'mounts[0].destination should be absolute, and is taken from "/": "data"',
);
refuses("a mount to nowhere", mounts({ type: "tmpfs" }), "mounts[0].destination is required");
refuses(
  "bind mounts of nothing",
  mounts({ destination: "/a", type: "bind" }, { destination: "/b", options: ["ro", "rbind"], source: "" }),
  "mounts[0].source is required for a bind mount",
  "mounts[1].source is required for a bind mount",
);

const idMapping = [{ containerID: 0, hostID: 1000, size: 1 }];
const idmapped = { destination: "/a", type: "bind", source: "/b", options: ["ro", "ridmap"] };
accepts("an id-mapped mount", mounts({ ...idmapped, uidMappings: idMapping, gidMappings: idMapping }));
accepts(
  "an id-mapped mount without the option",
  mounts({ ...idmapped, options: [], uidMappings: idMapping, gidMappings: idMapping }),
);
accepts("an id-mapped mount with the user namespace's mappings", {
  ...withNamespaces({ type: "user", path: "/proc/7/ns/user" }),
  mounts: [idmapped],
});
refuses(
  "an id-mapped mount without mappings",
  mounts(idmapped),
  "mounts[0].options[1] needs uidMappings and gidMappings in the mount, or a user namespace",
);
refuses(
  "an id-mapped mount with one kind of mappings",
  mounts({ ...idmapped, uidMappings: idMapping }),
  "mounts[0].gidMappings is required together with uidMappings",
);
refuses(
  "an id-mapped mount with overlapping mappings",
  mounts({ ...idmapped, uidMappings: [...idMapping, ...idMapping], gidMappings: idMapping }),
  "mounts[0].uidMappings[1].containerID overlaps the mapping in [0]",
  "mounts[0].uidMappings[1].hostID overlaps the mapping in [0]",
);

accepts("a hook", hook({ path: "/bin/x", args: ["x", ""], env: ["A="], timeout: 1 }));
refuses("a hook without a path", hook({ args: ["x"] }), "hooks.poststop[0].path is required");
refuses(
  "a hook with a relative path",
  hook({ path: "bin/x" }),
  'hooks.poststop[0].path must be absolute, found "bin/x"',
);
refuses(
  "a hook without time",
  hook({ path: "/x", timeout: 0 }),
  "hooks.poststop[0].timeout must be from 1 to 2147483647, found 0",
);

refuses(
  "several faults, all at once",
  config(
    { ociVersion: 1, root: {}, mounts: [{}], hooks: { prestart: [{}] } },
    { args: [5] },
    { namespaces: [{ type: "nett" }] },
  ),
  "ociVersion must be a string, found 1",
  "process.args[0] must be a string, found 5",
  "root.path is required",
  "mounts[0].destination is required",
  "hooks.prestart[0].path is required",
  'linux.namespaces[0].type is not a namespace type: "nett" (one of: pid, network, mount, ipc, uts, user, cgroup, time)',
);

test.run();
