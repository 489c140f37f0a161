/**
 * What came to the sandbox and what it wrote, in order.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type { Fault, Vendor } from "./Fault.ts"

/**
 * How a request ended: with an answer, with a fault instead of one, or because its sender went away before the
 * body was complete.
 *
 * @category models
 * @since 0.1.0
 */
export type RequestEnd =
  | { readonly _tag: "Answered"; readonly status: number }
  | { readonly _tag: "Reset" | "NoAnswer" | "CutShort" | "Aborted" }

/**
 * One request.
 *
 * @category models
 * @since 0.1.0
 */
export interface RequestEntry {
  /** 1-based, in order of arrival. */
  readonly number: number
  /** When it came, in milliseconds since 1970. */
  readonly time: number
  /** `undefined` for a path of neither vendor. */
  readonly vendor: Vendor | undefined
  readonly method: string
  /** Without the query, percent-encoded as it came. */
  readonly path: string
  /** With its question mark; empty where there is none. */
  readonly query: string
  /** All but `authorization` and cookies, with names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Reach's tenant or Pocketflows' business; `undefined` until the credentials were accepted. */
  readonly tenant: string | undefined
  /** Bytes of the body; 0 until it was read. */
  readonly bodyBytes: number
  /** The body, where `keepBodies` is set and it was read. */
  readonly body: string | undefined
  /** The faults that hit it. */
  readonly faults: ReadonlyArray<Fault["_tag"]>
  /** `undefined` while it is open. */
  readonly end: RequestEnd | undefined
}

/**
 * One record that was written.
 *
 * @category models
 * @since 0.1.0
 */
export interface WriteEntry {
  /** 0-based position among all writes. */
  readonly order: number
  /** In milliseconds since 1970. */
  readonly time: number
  readonly vendor: Vendor
  /** Reach's tenant or Pocketflows' business. */
  readonly tenant: string
  /** Reach's `customerId` or Pocketflows' `id`. */
  readonly key: string
  /** The record as it was sent, without unknown fields. */
  readonly patch: Readonly<Record<string, unknown>>
  /** Number of the request that brought it. */
  readonly request: number
  /** Reach's batch; `undefined` where the request itself was the batch. */
  readonly batchId: string | undefined
}

/**
 * A request entry as the sandbox fills it in.
 *
 * @category models
 * @since 0.1.0
 */
export type OpenEntry = { -readonly [K in keyof RequestEntry]: RequestEntry[K] }

/**
 * @category models
 * @since 0.1.0
 */
export interface Journal {
  readonly requests: Array<OpenEntry>
  readonly writes: Array<WriteEntry>
  readonly write: (entry: Omit<WriteEntry, "order">) => void
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (): Journal => {
  const writes: Array<WriteEntry> = []
  return {
    requests: [],
    writes,
    write: (entry) => {
      writes.push({ order: writes.length, ...entry })
    }
  }
}

/**
 * The entry of the request that is being handled.
 *
 * @category models
 * @since 0.1.0
 */
export class CurrentEntry extends Context.Service<CurrentEntry, OpenEntry>()(
  "effect-patchbay/sandbox/Journal/CurrentEntry"
) {}
