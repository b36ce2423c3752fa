"""``loops-async completion``: shell completion scripts."""

import click
from click.shell_completion import (
    FishComplete,
    ShellComplete,
    ZshComplete,
    get_completion_class,
)


class _Zsh(ZshComplete):
    # click's own, except that it works in a shell without completion set up, as on macOS, and
    # completes the file of --option=FILE.
    source_template = """\
#compdef %(prog_name)s

(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }

%(complete_func)s() {
    local -a completions
    local -a completions_with_descriptions
    local -a response
    (( ! $+commands[%(prog_name)s] )) && return 1

    response=("${(@f)$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) \
%(complete_var)s=zsh_complete %(prog_name)s)}")

    for type key descr in ${response}; do
        if [[ "$type" == "plain" ]]; then
            if [[ "$descr" == "_" ]]; then
                completions+=("$key")
            else
                completions_with_descriptions+=("$key":"$descr")
            fi
        else
            compset -P '--*='
            _path_files -f
        fi
    done

    if [ -n "$completions_with_descriptions" ]; then
        _describe -V unsorted completions_with_descriptions -U
    fi

    if [ -n "$completions" ]; then
        compadd -U -V unsorted -a completions
    fi
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""


class _Fish(FishComplete):
    # click's own, except that fish itself completes file names, including a ~ and the part before
    # a =, and that a description may contain commas.
    source_template = """\
function %(complete_func)s
    set -l response (env %(complete_var)s=fish_complete COMP_WORDS=(commandline -cp) \
COMP_CWORD=(commandline -ct) %(prog_name)s)

    for completion in $response
        set -l metadata (string split --max 1 "," $completion)

        if test $metadata[1] = "plain"
            printf "%%s\\n" $metadata[2]
        else
            complete --do-complete "'' "(commandline -ct)
        end
    end
end

complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


_OURS: dict[str, type[ShellComplete]] = {"zsh": _Zsh, "fish": _Fish}


def completion_script(command: click.Command, shell: str) -> str:
    """The script that completes ``loops-async`` in ``shell``."""
    found = _OURS.get(shell) or get_completion_class(shell)
    if found is None:
        raise click.BadParameter(f"{shell} is not supported", param_hint="SHELL")
    return found(command, {}, "loops-async", "_LOOPS_ASYNC_COMPLETE").source()


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for a SHELL.

    It completes commands, options and file names.

    \b
    Example:
      echo 'eval "$(loops-async completion bash)"' >> ~/.bashrc
      echo 'eval "$(loops-async completion zsh)"' >> ~/.zshrc
      mkdir -p ~/.config/fish/completions
      loops-async completion fish > ~/.config/fish/completions/loops-async.fish

    \b
    Exit status: 0 printed, 2 the shell is not supported.
    """  # noqa: D301 - \b is click's mark for text to leave as it is
    click.echo(completion_script(click.get_current_context().find_root().command, shell))
