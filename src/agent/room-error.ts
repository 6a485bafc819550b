/** A config needs more of an agent's memory than there is. */
export class RoomError extends Error {
  override readonly name = "RoomError";
}
