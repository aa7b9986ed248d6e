// Package supervisor is the language between the manager and whatever runs its
// processes: supervisord's configuration file, its XML-RPC interface over a Unix
// socket, and its process states.
//
// Two supervisors speak it. Package builtin implements the part used here and is
// the default; Exec replaces the process by the real supervisord. Both read the
// file that Conf.Write writes and both are driven by Client.
//
// Lock keeps a second system out of a run directory, and DieWithParent ties a
// child's life to its supervisor's, so no process outlives the tree it belongs to.
package supervisor
