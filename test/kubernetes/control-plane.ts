/** etcd, the API server, the scheduler and the controllers, as small as they can be. */
import { type Daemon, startDaemon } from "../callers/daemon.ts";
import { FILES, PORTS, SERVER_ADDRESS } from "./addresses.ts";

export function startEtcd(): Promise<Daemon> {
  const urls = (port: number) => `http://127.0.0.1:${port}`;
  return startDaemon(
    [
      "etcd",
      `--data-dir=${FILES.etcd}`,
      "--unsafe-no-fsync",
      `--listen-client-urls=${urls(PORTS.etcd)}`,
      `--advertise-client-urls=${urls(PORTS.etcd)}`,
      `--listen-peer-urls=${urls(PORTS.etcdPeers)}`,
    ],
    PORTS.etcd,
  );
}

export function startApiServer(): Promise<Daemon> {
  return startDaemon(
    [
      "kube-apiserver",
      `--etcd-servers=http://127.0.0.1:${PORTS.etcd}`,
      `--secure-port=${PORTS.api}`,
      `--advertise-address=${SERVER_ADDRESS}`,
      `--cert-dir=${FILES.certificates}`,
      `--token-auth-file=${FILES.tokens}`,
      "--authorization-mode=AlwaysAllow",
      "--allow-privileged",
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${FILES.serviceAccountKey}`,
      `--service-account-signing-key-file=${FILES.serviceAccountKey}`,
      "--service-cluster-ip-range=10.96.0.0/24",
      "--endpoint-reconciler-type=none",
      "--kubelet-preferred-address-types=InternalIP",
    ],
    PORTS.api,
  );
}

export function startScheduler(): Promise<Daemon> {
  return startDaemon(
    [
      "kube-scheduler",
      `--kubeconfig=${FILES.kubeconfig}`,
      `--authentication-kubeconfig=${FILES.kubeconfig}`,
      `--authorization-kubeconfig=${FILES.kubeconfig}`,
      "--bind-address=127.0.0.1",
      "--leader-elect=false",
    ],
    PORTS.scheduler,
  );
}

export function startControllers(): Promise<Daemon> {
  return startDaemon(
    [
      "kube-controller-manager",
      `--kubeconfig=${FILES.kubeconfig}`,
      `--authentication-kubeconfig=${FILES.kubeconfig}`,
      `--authorization-kubeconfig=${FILES.kubeconfig}`,
      `--service-account-private-key-file=${FILES.serviceAccountKey}`,
      `--root-ca-file=${FILES.certificate}`,
      `--flex-volume-plugin-dir=${FILES.plugins}`,
      "--bind-address=127.0.0.1",
      "--leader-elect=false",
      // Nodes whose health is doubted for a moment, on a busy machine, keep their pods.
      "--controllers=*,-taint-eviction-controller",
    ],
    PORTS.controllers,
  );
}
