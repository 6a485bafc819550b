import { OwnCaller } from "../agent/own-caller.ts";

/** `check` tries things as tsrun itself may do them, whoever asks. */
export const OWN = new OwnCaller();
