/** Entry module of the generator's threads. */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import { arenaThread, attachArena } from '../src/arrow/memory.js'
import { toBallistaError } from '../src/common/errors.js'
import { invariant } from '../src/common/invariant.js'
import { WORKER_STOP, type WorkerReady, type WorkerStart } from '../src/runtime/worker-pool.js'
import { encodeChunk, type EncodedChunk } from './encode-chunk.js'
import type { GeneratorAnswer, GeneratorData, GeneratorJob } from './generate-job.js'
import { generateTable } from './generate-table.js'
import { scaleOf } from './schema.js'
import { fillTextPool } from './text-pool.js'

const start = workerData as WorkerStart
const data = start.data as GeneratorData
const pool = new Uint8Array(data.pool)
const scale = scaleOf(data.scale)

async function run(job: GeneratorJob): Promise<EncodedChunk | undefined> {
  switch (job.kind) {
    case 'pool':
      fillTextPool(pool, job.first, job.last)
      return undefined
    case 'rows':
      return encodeChunk(job.table, generateTable(job.table, pool, job, scale), data.format)
  }
}

async function answer(port: MessagePort, job: GeneratorJob): Promise<void> {
  try {
    const chunk = await run(job)
    const done: GeneratorAnswer = { kind: 'done', chunk }
    port.postMessage(done, chunk === undefined ? [] : [chunk.bytes.buffer as ArrayBuffer])
  } catch (error) {
    const failed: GeneratorAnswer = { kind: 'failed', error: toBallistaError(error).toInfo() }
    port.postMessage(failed)
  }
}

invariant(parentPort !== null, 'this module runs in a worker thread')
const port = parentPort
attachArena(start.memory)
port.on('message', (message: GeneratorJob | typeof WORKER_STOP) => {
  if (message === WORKER_STOP) port.close()
  else void answer(port, message)
})
const ready: WorkerReady = { kind: 'ready', arenaThread: arenaThread() }
port.postMessage(ready)
