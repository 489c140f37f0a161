import { Array as Arr, Result } from "effect"
import type { Destination, Outgoing } from "../../src/sync/model/Destination.ts"

/** What goes out for these patches; a patch that must not be sent is a defect of the test. */
export const make = <A>(
  { encode, envelope: [open, close], key }: Pick<Destination<A>, "encode" | "envelope" | "key">,
  patches: Arr.NonEmptyReadonlyArray<A>
): Outgoing<A> => ({
  body: new TextEncoder().encode(
    `${open}${patches.map((patch) => Result.getOrThrow(encode(patch))).join(",")}${close}`
  ),
  records: Arr.map(patches, (patch) => ({ key: key(patch), patch }))
})

/** The body as text. */
export const text = ({ body }: Pick<Outgoing<unknown>, "body">): string => new TextDecoder().decode(body)
