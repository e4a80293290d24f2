"""Is a file that contradicts its header or trailer refused before anything of it is read?"""

import pytest
from adapters_samples import FIXED, FIXED_MAPPING, MEDIATION, MEDIATION_MAPPING, mapped, read, refusal

ROW = b"D;436642;;20260701120000;10;01;c2\n"


def file_of(rows: int, count: str, total: str) -> bytes:
    return b"H;f-1;msc-9\n" + ROW * rows + f"T;f-1;{count};{total}\n".encode()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (file_of(3, "2", "30"), "trailer count says '2', but the number of rows is 3"),
        (file_of(3, "3", "30,1"), "trailer total says '30,1', but the sum of amount is 30"),
        (file_of(3, "x", "30"), "trailer count says 'x', but the number of rows is 3"),
        (MEDIATION.replace(b"T;f-1", b"T;f-2"), "trailer file says 'f-2', but header file is 'f-1'"),
        (MEDIATION.partition(b"T;")[0], "it has no trailer; expected a line that begins with 'T;'"),
        (MEDIATION.partition(b"\n")[2], "at 2: there are rows before the header"),
        (MEDIATION + ROW, "at 8: there are rows after the trailer"),
        (MEDIATION + MEDIATION, "at 8: there is a second header"),
        (MEDIATION.replace(b"T;f-1;4;61,7", b"T;f-1"), "its trailer can't be read: it has 2 columns of 4"),
        (
            MEDIATION.replace(b"61,2", b"6i,2"),
            "at 3: amount is '6i,2', so that its control total can't be checked; expected a number",
        ),
        (b"", "it has no header"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused_whole(content: bytes, problem: str) -> None:
    assert problem in refusal(mapped(MEDIATION_MAPPING), content)


def test_rows_that_are_rejected_or_skipped_count_in_the_totals() -> None:
    content = file_of(3, "4", "40").replace(ROW, ROW.replace(b"01;c2", b"77;c2") + ROW, 1)
    done = read(mapped(MEDIATION_MAPPING), content)
    assert (len(done.records), [reject.field for reject in done.rejects]) == (3, ["usage_type"])


def test_a_row_that_cannot_be_taken_apart_counts_but_its_amount_is_missed() -> None:
    broken = MEDIATION.replace(b"D;436642;;20260701120001;0,5;02;c2\n", b"D;436642\n")
    assert "trailer total says '61,7', but the sum of amount is 61.2" in refusal(mapped(MEDIATION_MAPPING), broken)


def test_blank_lines_after_the_trailer_are_no_rows() -> None:
    assert len(read(mapped(MEDIATION_MAPPING), MEDIATION + b"\r\n\n").records) == 3


def test_totals_over_many_chunks_are_exact() -> None:
    rows = b"".join(b"D;436642;;20260701120000;%d,%d;01;c2\n" % (number, number % 10) for number in range(5000))
    tenths = sum(10 * number + number % 10 for number in range(5000))
    total = f"{tenths // 10},{tenths % 10}"
    content = b"H;f-1;msc-9\n" + rows + f"T;f-1;5000;{total}\n".encode()
    assert len(read(mapped(MEDIATION_MAPPING), content).records) == 5000


def test_control_records_of_fixed_width() -> None:
    assert "trailer rows says '000003', but the number of rows is 2" in refusal(
        mapped(FIXED_MAPPING), FIXED.replace(b"EOF000002", b"EOF000003")
    )
    assert "it has 5 characters of 9" in refusal(mapped(FIXED_MAPPING), FIXED.replace(b"EOF000002", b"EOF00"))
