/**
 * A checkpoint in a store of keys and values.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as KeyValueStore from "effect/persistence/KeyValueStore"
import { CheckpointUnreadable, CheckpointUnwritable } from "./CheckpointError.ts"
import type { Claim } from "./CheckpointLock.ts"
import type { Store } from "./CheckpointStore.ts"

/**
 * The state under `key`, and a key `<key>.lock-…` for each run that has it or wants it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (store: KeyValueStore.KeyValueStore, key: string): Store => {
  // The store's own message and cause may hold what is in it, or how to get at it.
  const unwritable = ({ method }: KeyValueStore.KeyValueStoreError) =>
    new CheckpointUnwritable({ checkpoint: key, reason: `KeyValueStore.${method}` })
  const prefix = `${key}.lock-`
  const claimKey = (token: string) => `${prefix}${token}`
  const split = (token: string, value: string): Claim => {
    const end = value.indexOf("\n")
    return { token, text: value.slice(0, end), beat: value.slice(end + 1) }
  }
  return {
    name: key,
    prepare: Effect.void,
    claims: {
      put: (token, text) => Effect.mapError(store.set(claimKey(token), `${text}\n0`), unwritable),
      list: Effect.gen(function* () {
        const found: Array<Claim> = []
        for (const name of yield* store.keys) {
          if (!name.startsWith(prefix)) continue
          const value = yield* store.get(name)
          // Its run has ended meanwhile.
          if (value !== undefined) found.push(split(name.slice(prefix.length), value))
        }
        return found
      }).pipe(Effect.mapError(unwritable)),
      has: (token) => Effect.mapError(store.has(claimKey(token)), unwritable),
      beat: (token) =>
        Effect.ignore(
          store.modify(claimKey(token), (value) => {
            const { beat, text } = split(token, value)
            return `${text}\n${Number(beat) + 1}`
          })
        ),
      remove: (token) => Effect.ignore(store.remove(claimKey(token)))
    },
    read: store.get(key).pipe(
      Effect.map(Option.fromUndefinedOr),
      Effect.mapError(({ method }) => new CheckpointUnreadable({ checkpoint: key, reason: `KeyValueStore.${method}` }))
    ),
    writer: (lock) =>
      Effect.succeed({
        replace: (text) => Effect.andThen(lock.check, Effect.mapError(store.set(key, text), unwritable)),
        remove: Effect.andThen(
          lock.check,
          Effect.mapError(
            Effect.flatMap(store.has(key), (there) => Effect.as(store.remove(key), there)),
            unwritable
          )
        )
      })
  }
}
