package locale

import (
	"fmt"
	"strconv"
	"time"
)

// Letters that were sent hold dates as they are written here: another way to write them needs a new version of the letter.

// Date writes a day in UTC, such as 23 November 2026.
func (l Language) Date(at time.Time) string {
	at = at.UTC()
	day := strconv.Itoa(at.Day())
	switch {
	case l == German:
		day += "."
	case l == French && at.Day() == 1:
		day += "er"
	}
	return fmt.Sprintf("%s %s %d", day, l.month(at.Month()), at.Year())
}

// DateTime writes day of the week, day, time and zone in words that mean the same everywhere, such as Monday, 23 November
// 2026, 14:05 UTC. The order is that of CLDR's full date with a short time.
func (l Language) DateTime(at time.Time) string {
	at = at.UTC()
	weekday, date, clock := l.weekday(at.Weekday()), l.Date(at), at.Format("15:04 MST")
	switch l {
	case German:
		return weekday + ", " + date + ", " + clock
	case French:
		return weekday + " " + date + " à " + clock
	case Swedish:
		return weekday + " " + date + " kl. " + clock
	case English:
	}
	return weekday + ", " + date + ", " + clock
}

func (l Language) weekday(day time.Weekday) string {
	switch l {
	case German:
		return [...]string{"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"}[day]
	case French:
		return [...]string{"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"}[day]
	case Swedish:
		return [...]string{"söndag", "måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag"}[day]
	case English:
	}
	return day.String()
}

func (l Language) month(month time.Month) string {
	switch l {
	case German:
		return [...]string{
			"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember",
		}[month-1]
	case French:
		return [...]string{
			"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre",
		}[month-1]
	case Swedish:
		return [...]string{
			"januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober", "november", "december",
		}[month-1]
	case English:
	}
	return month.String()
}
