/** The coordinator of a process, with the disk and the clock that there are. */
import { hostname } from 'node:os'
import type { RegisteredTableFormat } from '../catalog/table-format.js'
import { systemClock } from '../common/clock.js'
import { WriteCoordinator } from './coordinator.js'
import { directoryCommitter } from './directory-committer.js'
import { fileCommitter } from './file-committer.js'
import { FileIntents } from './file-intents.js'
import { nodeCommitFs } from './file-system.js'
import { logCommitter } from './log-committer.js'
import { processTable } from './process-table.js'
import type { WriteIntents } from './write-intents.js'

/** `formats`: of tables with a log. Without `intents`, they are kept in files beside the targets. */
export function writeCoordinator(
  formats: readonly RegisteredTableFormat[],
  intents: WriteIntents = new FileIntents(nodeCommitFs(hostname()), processTable, systemClock, hostname()),
): WriteCoordinator {
  const fs = nodeCommitFs(hostname())
  const host = hostname()
  const committers = [fileCommitter(fs, host), directoryCommitter(fs, host), logCommitter(fs, host, formats)]
  return new WriteCoordinator({ intents, committers })
}
