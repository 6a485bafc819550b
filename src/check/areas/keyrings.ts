import { addKey, keyctl } from "../../kernel/calls.ts";
import { KEY_SPEC_SESSION_KEYRING, KEYCTL_JOIN_SESSION_KEYRING } from "../../kernel/constants.ts";
import type { Area } from "../feature.ts";

export const keyrings: Area = {
  name: "keyrings",
  features: [
    {
      name: "keyring.session",
      title: "session keyrings (create does without where there are none)",
      config: [],
      probe({ subject }) {
        subject.do(keyctl(KEYCTL_JOIN_SESSION_KEYRING, 0)); // without a name: it goes with the process
        subject.do(addKey("user", "tsrun-check", new Uint8Array(1), KEY_SPEC_SESSION_KEYRING));
      },
    },
  ],
};
