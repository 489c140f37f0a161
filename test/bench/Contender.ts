/**
 * What takes part in the bench, and what is measured of it.
 */

/** What a contender is to do. */
export interface Job {
  /** Of the null server. */
  readonly url: string
  readonly csv: string
  readonly ndjson: string
  /** The CSV, compressed, and in UTF-16, for those who read it so. */
  readonly gzip?: string
  readonly utf16?: string
  readonly records: number
  readonly seed: number
  /** Records in one request. */
  readonly batch: number
  /** Requests in flight at once. */
  readonly concurrency: number
  /** For what it keeps on disk; empty at the start. */
  readonly folder: string
}

/** Makes ready what is not to be measured; what it returns is measured, and says how many records it handled. */
export type Prepare = (job: Job) => Promise<() => Promise<number>>

export interface Entry {
  readonly title: string
  /** The module, and the export of it that is a `Prepare`. */
  readonly module: string
  readonly name: string
  /** Whether it sends anything. */
  readonly sends: boolean
  /** What Node is started with. */
  readonly options?: ReadonlyArray<string>
  /** The floor of those that start from objects in memory, instead of a file. */
  readonly floor?: "memory" | "memory-undated" | "calls"
  /** Handles one in so many records, since each takes a request. */
  readonly oneIn?: number
}

const entry = (title: string, module: string, name: string, sends = true): Entry => ({ title, module, name, sends })

/** By the name that `--only` takes. */
export const entries: { readonly [id: string]: Entry } = {
  floor: entry("floor: naive split, JSON.stringify, undici", "peers/Floor.ts", "floor"),
  wire: entry("sockets alone: bodies made beforehand", "peers/Wire.ts", "wire"),
  script: entry("csv-parse + p-limit + fetch", "peers/Script.ts", "plain"),
  "script-checked": entry("the same + zod + p-retry + bottleneck", "peers/Script.ts", "checked"),
  patchbay: entry("Patchbay, everything on", "Patchbay.ts", "everything"),
  "patchbay-bounded": {
    ...entry("the same, with --max-semi-space-size=8", "Patchbay.ts", "everything"),
    options: ["--max-semi-space-size=8"]
  },
  "patchbay-ndjson": entry("Patchbay, everything on, from NDJSON", "Patchbay.ts", "fromNdjson"),
  "patchbay-mapped": entry("Patchbay, everything on, through a mapping", "Patchbay.ts", "mapped"),
  memory: {
    ...entry("floor from memory: JSON.stringify, undici", "peers/Floor.ts", "dated"),
    floor: "memory"
  },
  "patchbay-memory": {
    ...entry("Patchbay, everything on, from memory", "Patchbay.ts", "dated"),
    floor: "memory"
  },
  elasticsearch: {
    ...entry("Elasticsearch helpers.bulk, from memory", "peers/Elasticsearch.ts", "bulk"),
    floor: "memory"
  },
  "memory-undated": {
    ...entry("floor from memory, without dates", "peers/Floor.ts", "undated"),
    floor: "memory-undated"
  },
  "patchbay-memory-undated": {
    ...entry("Patchbay, everything on, from memory, without dates", "Patchbay.ts", "undated"),
    floor: "memory-undated"
  },
  "patchbay-queue": {
    ...entry("the same, with dates, one by one through a Queue", "Patchbay.ts", "queued"),
    floor: "memory"
  },
  "patchbay-outcomes": {
    ...entry("the same, with dates, each outcome taken", "Patchbay.ts", "outcomes"),
    floor: "memory"
  },
  calls: { ...entry("floor of single calls", "peers/Floor.ts", "calls"), floor: "calls", oneIn: 10 },
  "patchbay-calls": { ...entry("reach.patchCustomer, one by one", "Patchbay.ts", "calls"), floor: "calls", oneIn: 10 },
  "patchbay-gzip": entry("Patchbay, everything on, from CSV in gzip", "Patchbay.ts", "fromGzip"),
  "patchbay-utf16": entry("Patchbay, everything on, from CSV in UTF-16", "Patchbay.ts", "fromUtf16"),
  gunzip: entry("Node's gunzip alone, of the same file", "peers/Gunzip.ts", "gunzip", false),
  "stage-read": entry("stage: read", "Patchbay.ts", "read", false),
  "stage-encode": entry("stage: read, encode", "Patchbay.ts", "encode", false),
  "stage-transcode": entry("stage: read and encode at once", "Patchbay.ts", "transcode", false),
  "stage-transcode-ndjson": entry("stage: the same, from NDJSON", "Patchbay.ts", "transcodeNdjson", false),
  "stage-batch": entry("stage: read and encode at once, batch", "Patchbay.ts", "batch", false),
  "stage-dispatch": entry("stage: the same, dispatch", "Patchbay.ts", "dispatch", false),
  "stage-send": entry("stage: the same, send", "Patchbay.ts", "send")
}

/** One run of one contender. */
export interface Measurement {
  readonly records: number
  /** Milliseconds from when everything is loaded to the last answer. */
  readonly wall: number
  /** Milliseconds of all threads of the process in that time. */
  readonly user: number
  readonly system: number
  /** The most memory that the process had, in MB. */
  readonly peak: number
  /** By how much that was more than it had before it began, in MB; known where objects are in memory then, on Linux. */
  readonly beyond: number | undefined
  /** Bytes that were allocated on the heap; known where nothing was collected. */
  readonly allocated: number | undefined
}
