"""What a caller gets back from sending."""

import attrs


@attrs.frozen
class SendReceipt:
    """What Loops answers to an event or a transactional mail.

    Attributes:
        idempotency_key: The key it was sent under.
        attempts: How many requests it took; 1 without a retry, 0 in a dry run.
        confirmed_by_repeat: True when the reply got lost and Loops answered a later attempt that
            it had processed this key already: it was sent, once.
        dry_run: Whether it is made up, because nothing was sent.
    """

    idempotency_key: str = attrs.field(repr=False)
    attempts: int = 1
    confirmed_by_repeat: bool = False
    dry_run: bool = False
