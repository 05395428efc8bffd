/** The coordinator of a process, with the disk and the clock that there are. */
import { hostname } from 'node:os'
import type { TableCommitter } from '../catalog/table-write.js'
import { systemClock } from '../common/clock.js'
import { WriteCoordinator } from './coordinator.js'
import { directoryCommitter } from './directory-committer.js'
import { fileCommitter } from './file-committer.js'
import { FileIntents } from './file-intents.js'
import { nodeCommitFs } from './file-system.js'
import { processTable } from './process-table.js'
import type { WriteIntents } from './write-intents.js'

/** `committers`: of extensions. Without `intents`, they are kept in files beside the targets. */
export function writeCoordinator(
  committers: readonly TableCommitter[],
  intents: WriteIntents = new FileIntents(nodeCommitFs(hostname()), processTable, systemClock, hostname()),
): WriteCoordinator {
  const fs = nodeCommitFs(hostname())
  const own = [fileCommitter(fs, hostname()), directoryCommitter(fs, hostname())]
  return new WriteCoordinator({ intents, committers: [...own, ...committers] })
}
