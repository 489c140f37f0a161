/**
 * A peer that does a part of the same job: the bulk helper of Elasticsearch's client, from objects in memory.
 */
import { Client } from "@elastic/elasticsearch"
import type { Prepare } from "../Contender.ts"
import * as Customers from "../Customers.ts"

// What the helper adds to each document: the action and two line breaks.
const actionBytes = 65

export const bulk: Prepare = async ({ batch, concurrency, records, seed, url }) => {
  const customer = Customers.make(seed)
  const documents = Array.from({ length: records }, (_, index) => customer(index))
  // It flushes by bytes only: as many as a batch of these records has.
  const sample = documents.slice(0, batch)
  const flushBytes = sample.reduce((sum, one) => sum + Buffer.byteLength(JSON.stringify(one)) + actionBytes, 0)
  return async () => {
    const client = new Client({ node: url })
    await client.helpers.bulk({
      datasource: documents,
      onDocument: ({ customerId }) => ({ index: { _index: "customers", _id: customerId } }),
      flushBytes,
      concurrency
    })
    await client.close()
    return documents.length
  }
}
